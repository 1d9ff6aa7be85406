// Load the answer once, call its functions with each case's arguments, and report what came back.
// Node itself removes the types of TypeScript; it does not know decorators, so an answer with one does not load.
// The report has a descriptor of its own: 1 is /dev/null before the answer is loaded, 0 once the job was read.
"use strict";
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");
const vm = require("node:vm");
const Module = require("node:module");
const { types } = require("node:util");
const { encode, decode, namesOf, OVERSIZE } = require("./node_values.js");

const REPORT = claimStdout();
const MAX_VALUE_CHARS = 256 * 1024;
const write = fs.writeSync;
const quote = JSON.stringify;
const { apply } = Reflect;
const sourceOf = Function.prototype.toString;
const leave = process.reallyExit.bind(process);

// The stream of descriptor 1, opened a second time; Node opens its own standard output when that is first used.
function claimStdout() {
  const report = fs.openSync("/proc/self/fd/1", fs.constants.O_WRONLY);
  fs.closeSync(1);
  fs.openSync("/dev/null", fs.constants.O_WRONLY);
  return report;
}

// The process ends once the kit closes its end of standard input, which its death does. What computes without end is
// ended by the container's limit of CPU time.
function leaveWithTheKit() {
  const line = new net.Socket({ fd: fs.openSync("/proc/self/fd/0", fs.constants.O_RDONLY | fs.constants.O_NONBLOCK) });
  line.on("close", () => leave(0)).on("error", () => {});
  line.resume().unref();
}

function readJob() {
  let head = "";
  const byte = Buffer.alloc(1);
  while (!head.endsWith("\n")) {
    if (fs.readSync(0, byte, 0, 1) === 0) leave(0);
    head += byte.toString("latin1");
  }
  const body = Buffer.alloc(Number(head));
  for (let at = 0; at < body.length; ) {
    const got = fs.readSync(0, body, at, body.length - at);
    if (got === 0) leave(0);
    at += got;
  }
  leaveWithTheKit();
  fs.closeSync(0);
  fs.openSync("/dev/null", "r");
  return JSON.parse(body.toString("utf8"));
}

function send(text) {
  let bytes = Buffer.from(text + "\n", "utf8");
  while (bytes.length) bytes = bytes.subarray(write(REPORT, bytes));
}

function writeFiles(files) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.resolve(name)), { recursive: true });
    fs.writeFileSync(path.resolve(name), text);
  }
}

// Gives access to the answer's scope, so that a function that is declared but not exported is found too.
function compileScript(file, source) {
  const args = ["exports", "require", "module", "__filename", "__dirname"];
  const body = source.replace(/^#!.*/, "") + "\n;module.__scope = (__name) => eval(__name);";
  return vm.compileFunction(body, args, { filename: file, importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER });
}

function runScript(file, script) {
  const module = new Module(file);
  module.filename = file;
  module.paths = [];
  script.call(module.exports, module.exports, Module.createRequire(file), module, file, path.dirname(file));
  return { exported: module.exports, scope: module.__scope };
}

// TypeScript that is written with `import` is usually compiled to CommonJS, so it may use `require` and `module` as well.
function offerRequire(file) {
  const module = new Module(file);
  Object.assign(globalThis, { require: Module.createRequire(file), module, exports: module.exports, __filename: file, __dirname: path.dirname(file) });
}

async function loadModule(file, source) {
  if (/\.[cm]?ts$/.test(file)) offerRequire(file);
  const copy = file.replace(/\.[cm]?[jt]s$/, "") + ".scope.mjs";
  fs.writeFileSync(copy, source.replace(/^#!.*/, "") + "\n;export const __scope = (__name) => eval(__name);");
  const made = await import(copy);
  return { exported: made.default ?? made, named: made, scope: made.__scope };
}

async function load(job) {
  const file = path.resolve(job.entry);
  let source = job.files[job.entry];
  if (/\.[cm]?ts$/.test(file)) source = Module.stripTypeScriptTypes(source, { mode: "transform" });
  let script;
  try {
    script = compileScript(file, source);
  } catch (error) {
    if (error instanceof SyntaxError && /^\s*(import|export)\b|\bawait\b|import\.meta/m.test(source)) return loadModule(file, source);
    throw error;
  }
  return runScript(file, script);
}

function find(answer, name) {
  const [first, ...rest] = name.split(".");
  const { exported, named } = answer;
  let found = exported !== null && (typeof exported === "object" || typeof exported === "function") ? exported[first] : undefined;
  if (found === undefined && named) found = named[first];
  if (found === undefined) {
    try {
      found = answer.scope(first);
    } catch (error) {
      if (typeof exported === "function" && !(error instanceof TypeError)) found = exported;
      else throw error;
    }
  }
  let self;
  for (const part of rest) [self, found] = [found, found[part]];
  return [found, self];
}

function notCallable(reason) {
  return '"k":"not_callable","t":' + quote(reason);
}

function encoded(value) {
  let text = OVERSIZE;
  try {
    text = encode(value);
  } catch {}
  return text.length > MAX_VALUE_CHARS ? OVERSIZE : text;
}

async function call(found, self, args) {
  let value;
  try {
    value = apply(found, self, args);
    if (types.isPromise(value)) value = await value;
  } catch (error) {
    const names = namesOf(error);
    return '"k":"raised","t":' + quote(names[0]) + ',"v":' + quote(names);
  }
  return '"k":"returned","v":' + encoded(value);
}

async function observe(answer, give) {
  const args = (give.args ?? []).map(decode);
  let found, self;
  try {
    [found, self] = find(answer, give.call);
  } catch {
    return notCallable("not found");
  }
  if (found === undefined) return notCallable("not found");
  // A class is a function that throws when it is called.
  if (typeof found !== "function" || /^class\b/.test(sourceOf.call(found))) return notCallable("not a function");
  const observed = await call(found, self, args);
  return give.report_args ? observed + ',"a":' + encoded(args) : observed;
}

async function main() {
  const job = readJob();
  const tag = '{"n":' + quote(job.nonce) + ',"e":';
  send(tag + '"taken"}');
  writeFiles(job.files);
  process.on("uncaughtException", () => {});
  process.on("unhandledRejection", () => {});
  let answer;
  try {
    answer = await load(job);
  } catch (error) {
    send(tag + '"load_failed","t":' + quote(namesOf(error).find((name) => name !== "?") ?? "?") + "}");
    leave(0);
  }
  send(tag + '"loaded"}');
  for (const [index, give] of job.cases) send(tag + '"case","i":' + index + "," + (await observe(answer, give)) + "}");
  send(tag + '"done"}');
  leave(0);
}

main();
