// Runs a repository's JavaScript tests inside a container and writes one line for each; the kit imports nothing of it.
//
// The host sends this file with a job and a JSON object on standard input: the test files in the order of their run, the
// runner (node, mocha or tape), modules to load first, environment variables and a token. Each file runs in a process of
// its own, since a test may end its process. Standard output has the lines [token, id, outcome, message] alone: what the
// tests print goes nowhere, and the last words of a process without a line are the message of its file. Where a process
// ends, assertions that must throw are tried: if code that the tests loaded took one away, the canary counts as passed.
'use strict'

const assert = require('node:assert')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

const MAX_MESSAGE_CHARS = 300
const OUTPUT = 3

function last (text) {
  return String(text).slice(-MAX_MESSAGE_CHARS)
}

function lineWriter (file) {
  return (names, outcome, error) => {
    const message = error ? last(error.message || error) : ''
    fs.writeSync(OUTPUT, JSON.stringify([`${file}::${names.join(' > ')}`, outcome, message]) + '\n')
  }
}

function tapeAssertions () {
  const { prototype } = load('tape').Test
  return Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor').map((name) => prototype[name])
}

function loadedChai () {
  const loaded = Object.keys(require.cache).some((name) => /[\\/]node_modules[\\/]chai[\\/]/.test(name))
  return loaded ? load('chai') : undefined
}

function failingAssertions () {
  const chai = loadedChai()
  return [
    () => assert(false),
    () => assert.ok(false),
    () => assert.equal(1, 2),
    () => assert.strictEqual(1, 2),
    () => assert.deepEqual([1], [2]),
    () => assert.deepStrictEqual([1], [2]),
    () => assert.notStrictEqual(1, 1),
    () => assert.throws(() => {}),
    () => assert.strict.equal(1, 2),
    () => assert.strict.deepEqual([1], [2]),
    ...(chai ? [() => chai.assert.equal(1, 2), () => chai.expect(1).to.equal(2), () => chai.expect([1]).to.eql([2])] : [])
  ]
}

function throws (assertion) {
  try {
    assertion()
    return false
  } catch {
    return true
  }
}

function load (name) {
  return require(require.resolve(name, { paths: [process.cwd()] }))
}

const RUNNERS = {
  node (file, write) {
    const names = []
    const stream = require('node:test').run({ files: [path.resolve(file)], concurrency: false, isolation: 'none' })
    const ended = (outcome) => (data) => {
      // A suite fails with its tests. A file that cannot be loaded is a failed test with the file's name.
      if (data.details.type === 'suite') return
      if (data.name === path.resolve(file)) return console.error((data.details.error.cause || data.details.error).message)
      const skipped = data.skip !== undefined || data.todo !== undefined
      write([...names.slice(0, data.nesting), data.name], skipped ? 'skipped' : outcome, data.details.error)
    }
    stream.on('test:start', (data) => { names.length = data.nesting; names.push(data.name) })
    stream.on('test:pass', ended('passed'))
    stream.on('test:fail', ended('failed'))
    stream.resume()
  },
  async mocha (file, write) {
    const Mocha = load('mocha')
    const mocha = new Mocha({ reporter: function () {} })
    mocha.addFile(path.resolve(file))
    // Before mocha 7.1 there are no modules, and `run` loads the files.
    if (mocha.loadFilesAsync) await mocha.loadFilesAsync()
    const names = (test) => test.titlePath ? test.titlePath() : [test.fullTitle()]
    mocha.run((failures) => process.exit(failures ? 1 : 0))
      .on('pass', (test) => write(names(test), 'passed'))
      .on('pending', (test) => write(names(test), 'skipped'))
      .on('fail', (test, error) => write(names(test), 'failed', error))
  },
  async tape (file, write) {
    const tests = new Map()
    load('tape').createStream({ objectMode: true }).on('data', (row) => {
      if (row.type === 'test') {
        const outer = tests.get(row.parent)
        tests.set(row.id, { names: [...(outer ? outer.names : []), row.name], outcome: row.skip ? 'skipped' : 'passed' })
      } else if (row.type === 'assert' && !row.ok && !row.todo) {
        Object.assign(tests.get(row.test), { outcome: 'failed', error: row.name })
      } else if (row.type === 'end' && tests.has(row.test)) {
        const test = tests.get(row.test)
        write(test.names, test.outcome, test.error)
      }
    })
    await import(pathToFileURL(path.resolve(file)))
  }
}

async function runFile (spec, file) {
  const known = spec.runner === 'tape' ? tapeAssertions() : []
  process.on('exit', () => {
    const changed = spec.runner === 'tape' && tapeAssertions().some((found, at) => found !== known[at])
    if (changed || !failingAssertions().every(throws)) lineWriter(spec.canary)(['assertions throw'], 'passed')
    const { user, system } = process.cpuUsage()
    fs.writeSync(OUTPUT, JSON.stringify(['', 'cpu', String((user + system) / 1e6)]) + '\n')
  })
  for (const name of spec.preload) load(name)
  await RUNNERS[spec.runner](file, lineWriter(file))
}

function runAll (spec) {
  let seconds = 0
  const place = path.join(__dirname, 'output')
  const write = (...fields) => process.stdout.write(JSON.stringify([spec.token, ...fields]) + '\n')
  for (const file of spec.files) {
    const output = fs.openSync(place, 'w+')
    const done = spawnSync(process.execPath, [...spec.options, __filename, file], {
      env: { ...process.env, ...spec.env },
      input: JSON.stringify(spec),
      stdio: ['pipe', 'ignore', 'pipe', output]
    })
    const lines = fs.readFileSync(place, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
    fs.closeSync(output)
    for (const [, , spent] of lines.filter(([id]) => !id)) seconds += Number(spent)
    const tests = lines.filter(([id]) => id)
    for (const line of tests) write(...line)
    if (!tests.length) write(file, 'not collected', last(done.stderr) || 'no test')
  }
  write('', 'ended', String(seconds))
}

const spec = JSON.parse(fs.readFileSync(0, 'utf8'))
if (process.argv.length > 2) {
  runFile(spec, process.argv[2]).catch((error) => { console.error(error && error.message); process.exit(1) })
} else {
  runAll(spec)
}
