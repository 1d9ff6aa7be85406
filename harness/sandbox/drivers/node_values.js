// JavaScript values to JSON text and back, inside the container; harness/sandbox/values.py describes the encoding.
// The JSON is written here and not by JSON.stringify, which would call toJSON, getters and proxies of the answer's.
"use strict";
const types = require("node:util").types;

const MAX_NESTING = 60;
const MAX_ITEMS = 100000;
const MAX_INTEGER = 2n ** 14000n;
const { isArray } = Array;
const quote = JSON.stringify;
const { getPrototypeOf, getOwnPropertyDescriptor, getOwnPropertySymbols: symbols, keys } = Object;
const { isSafeInteger, isFinite: finite } = Number;
const OVERSIZE = '{"$":"oversize","v":null}';
const [mapProto, setProto, dateProto, bytesProto, bufferProto] = [Map, Set, Date, Uint8Array, Buffer].map((kind) => kind.prototype);
const mapEntries = mapProto.entries;
const setValues = setProto.values;
const { toISOString: toIso, getTime } = dateProto;
const setNext = getPrototypeOf(new Set()[Symbol.iterator]()).next;
const mapNext = getPrototypeOf(new Map()[Symbol.iterator]()).next;
const plainProto = Object.prototype;
const arrayProto = Array.prototype;
const bases = [[Number, types.isNumberObject], [String, types.isStringObject], [Boolean, types.isBooleanObject]];

class TooLarge extends Error {}

function nameOf(value) {
  const proto = getPrototypeOf(value);
  const made = proto && getOwnPropertyDescriptor(proto, "constructor");
  const name = made && typeof made.value === "function" && getOwnPropertyDescriptor(made.value, "name");
  return name && typeof name.value === "string" ? name.value.slice(0, 100) : typeof value;
}

function typed(kind, content) {
  return '{"$":"' + kind + '","v":' + content + "}";
}

function number(value) {
  if (value === 0) return 1 / value < 0 ? "-0.0" : "0";
  if (isSafeInteger(value)) return "" + value;
  if (!finite(value)) return typed("float", value !== value ? '"nan"' : value > 0 ? '"inf"' : '"-inf"');
  const text = "" + value;
  return /[.e]/.test(text) ? text : text + ".0";
}

function drain(next, iterator, encodeItem) {
  const parts = [];
  for (let step = next.call(iterator); !step.done; step = next.call(iterator)) parts.push(encodeItem(step.value));
  return "[" + parts.join(",") + "]";
}

function array(value, deeper) {
  const parts = [];
  for (let at = 0; at < value.length; at++) {
    const own = getOwnPropertyDescriptor(value, at);
    parts.push(own && "value" in own ? deeper(own.value) : deeper(undefined));
  }
  return "[" + parts.join(",") + "]";
}

// An object of a class, one with a toJSON and one with keys that are symbols are no plain values.
function isPlain(value, proto, plain) {
  return proto === plain && !getOwnPropertyDescriptor(value, "toJSON") && !symbols(value).length;
}

function record(value, deeper) {
  const parts = [];
  for (const key of keys(value)) {
    const own = getOwnPropertyDescriptor(value, key);
    parts.push(quote(key) + ":" + ("value" in own ? deeper(own.value) : typed("other", '"accessor"')));
  }
  return "{" + parts.join(",") + "}";
}

function mapping(value, deeper) {
  const mark = getOwnPropertyDescriptor(value, "$");
  if (!mark || !mark.enumerable) return record(value, deeper);
  const parts = keys(value).map((key) => "[" + quote(key) + "," + deeper(getOwnPropertyDescriptor(value, key).value) + "]");
  return typed("dict", "[" + parts.join(",") + "]");
}

function bytes(value) {
  const copy = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return typed("bytes", quote(copy.toString("base64")));
}

function subclass(value, of, content) {
  return '{"$":"subclass","of":"' + of + '","name":' + quote(nameOf(value)) + ',"v":' + content + "}";
}

function object(value, deeper) {
  if (types.isProxy(value)) return typed("other", '"Proxy"');
  const proto = getPrototypeOf(value);
  const built = (of, plain, content) => isPlain(value, proto, plain) ? content : subclass(value, of, content);
  if (isArray(value)) return built("list", arrayProto, array(value, deeper));
  if (types.isMap(value)) {
    const pair = (entry) => "[" + deeper(entry[0]) + "," + deeper(entry[1]) + "]";
    return built("map", mapProto, typed("map", drain(mapNext, mapEntries.call(value), pair)));
  }
  if (types.isSet(value)) return built("set", setProto, typed("set", drain(setNext, setValues.call(value), deeper)));
  if (types.isUint8Array(value)) return built("bytes", proto === bufferProto ? bufferProto : bytesProto, bytes(value));
  if (types.isDate(value)) return finite(getTime.call(value)) ? built("date", dateProto, typed("date", quote(toIso.call(value)))) : typed("other", '"Date"');
  if (types.isBoxedPrimitive(value) || types.isRegExp(value) || types.isNativeError(value)) return typed("other", quote(nameOf(value)));
  if (types.isPromise(value) || types.isGeneratorObject(value) || types.isTypedArray(value)) return typed("other", quote(nameOf(value)));
  if (isPlain(value, proto, proto === null ? null : plainProto)) return mapping(value, deeper);
  return subclass(value, "dict", record(value, deeper));
}

function encode(value, nesting = 0, left = { items: MAX_ITEMS }) {
  left.items -= 1;
  if (nesting > MAX_NESTING || left.items < 0) throw new TooLarge();
  const deeper = (item) => encode(item, nesting + 1, left);
  if (value === null || value === true || value === false) return "" + value;
  switch (typeof value) {
    case "number": return number(value);
    case "string": return quote(value);
    case "undefined": return typed("undefined", "null");
    case "bigint": {
      if (value > MAX_INTEGER || value < -MAX_INTEGER) throw new TooLarge();
      return typed("bigint", '"' + value + '"');
    }
    case "object": return object(value, deeper);
    default: return typed("other", quote(typeof value));
  }
}

const makers = {
  int: (v) => { const n = BigInt(v); return n; },
  bigint: (v) => BigInt(v),
  float: (v) => ({ nan: NaN, inf: Infinity, "-inf": -Infinity })[v],
  undefined: () => undefined,
  tuple: (v) => decode(v),
  set: (v) => new Set(decode(v)),
  map: (v) => new Map(v.map(([key, item]) => [decode(key), decode(item)])),
  dict: (v) => Object.fromEntries(v.map(([key, item]) => [decode(key), decode(item)])),
  bytes: (v) => new Uint8Array(Buffer.from(v, "base64")),
  date: (v) => new Date(v),
};

function decode(value) {
  if (isArray(value)) return value.map(decode);
  if (value === null || typeof value !== "object") return value;
  if ("$" in value) return makers[value.$](value.v);
  // Not by assignment: a key "__proto__" would set the prototype.
  return Object.fromEntries(keys(value).map((key) => [key, decode(value[key])]));
}

// The language's own errors by their prototypes, bound before the answer is loaded.
const errors = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError];
const errorNames = new Map(errors.map((kind) => [kind.prototype, kind.name]));
const nameTaken = new Set(errors.map((kind) => kind.name));

function errorName(proto) {
  const made = getOwnPropertyDescriptor(proto, "constructor");
  const name = made && typeof made.value === "function" && getOwnPropertyDescriptor(made.value, "name");
  if (!name || typeof name.value !== "string") return "?";
  return nameTaken.has(name.value) ? name.value + " (not the built-in)" : name.value.slice(0, 100);
}

// The names of an error's type and its bases, nearest first; for a thrown primitive, its type. The bases of the
// language's own errors are those that they have by the language, whatever the answer made of their prototypes.
function namesOf(error) {
  if (error === null || (typeof error !== "object" && typeof error !== "function")) return [typeof error];
  const names = [];
  for (let proto = types.isProxy(error) ? null : getPrototypeOf(error); proto && proto !== plainProto && names.length < 20; proto = getPrototypeOf(proto)) {
    const builtIn = errorNames.get(proto);
    if (builtIn) return [...names, ...new Set([builtIn, "Error"])];
    names.push(errorName(proto));
  }
  return names.length ? names : ["Object"];
}

module.exports = { encode, decode, namesOf, OVERSIZE };
