/** The demo as a stranger runs it: a command, its output, its exit code. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { counted } from '../../src/cli/demo/counted.ts'
import { textOf } from '../../src/cli/demo/text-file.ts'
import { cutBeforeLastWord, wordsOf } from '../../src/cli/demo/words.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshvisor-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

interface Run {
  readonly child: ChildProcess
  output: string
}

const start = (...args: readonly string[]): Run => launch(['demo', ...args])

function launch(args: readonly string[]): Run {
  const child = spawn(process.execPath, [MAIN, ...args])
  const run: Run = { child, output: '' }
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', data => (run.output += String(data)))
  return run
}

async function exitCode({ child }: Run): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
  return child.exitCode
}

async function writeTexts(count: number): Promise<void> {
  await mkdir(join(folder, 'deep', 'er'), { recursive: true })
  for (let index = 0; index < count; index++) {
    const name = index % 2 === 0 ? `text-${index}.txt` : `deep/er/text-${index}.md`
    await writeFile(
      join(folder, name),
      `the ${index} words of file number${'x'.repeat(index % 7)} Ünïcode\n`.repeat(1 + (index % 40)),
    )
  }
}

test('one is not several', () => {
  expect([0, 1, 2].map(count => counted(count, 'file'))).toEqual(['0 files', '1 file', '2 files'])
})

describe('the demo', () => {
  test('counts a folder, kills a process, loses nothing, and agrees with a plain count', async () => {
    // So many that the rest of them takes longer than noticing the death.
    await writeTexts(8_000)
    await writeFile(join(folder, 'image.png'), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 1]))
    await writeFile(join(folder, 'empty.txt'), '')
    await writeFile(join(folder, 'one-word.txt'), 'w'.repeat(300_000))
    await writeFile(join(folder, 'long.txt'), 'größer als ein Stück '.repeat(20_000))
    const run = start(folder, '--json')
    expect(await exitCode(run), run.output).toBe(0)
    const result: unknown = JSON.parse(run.output.trim().split('\n').at(-1) ?? '')
    expect(result).toMatchObject({
      files: 8_003,
      items: 8_004,
      lost: 0,
      duplicateResults: 0,
      killed: 1,
      identical: true,
    })
    expect(run.output).toMatch(/killed \w+ \(process \d+\) with SIGKILL/)
    expect(run.output).toMatch(/running again, as generation 2/)
    expect(run.output).toMatch(/1 binary file,/)
  })

  /** The demo in the middle of its work, and the processes that it has started. */
  async function working(): Promise<Run & { readonly pids: readonly number[] }> {
    await writeTexts(4_000)
    const run = start(folder)
    while (!run.output.includes('read a file')) await once(run.child.stdout ?? run.child, 'data')
    const pids = [...run.output.matchAll(/process (\d+)/g)]
      .map(match => Number(match[1]))
      .filter(pid => pid !== run.child.pid)
    expect(pids).toHaveLength(2)
    return Object.assign(run, { pids })
  }

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('cleans up after itself on %s', async (signal, code) => {
    const run = await working()
    run.child.kill(signal)
    expect(await exitCode(run)).toBe(code)
    for (const pid of run.pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
    expect(run.output).not.toMatch(/ at .*\.ts:\d+/)
  })

  test('leaves no process behind that could not end them itself', async () => {
    const run = await working()
    // They write to the same stream: it is closed when the last one has ended. (By its id, one may still be there until
    // whoever it has been left to asks for how it ended.)
    const closed = once(run.child, 'close')
    run.child.kill('SIGKILL')
    await closed
    expect(run.child.signalCode).toBe('SIGKILL')
  })

  test.each([
    ['a folder that does not exist', () => join(folder, 'nowhere'), /there is no folder .*nowhere/],
    ['an empty folder', () => folder, /has no files in it/],
    ['a file', () => MAIN, /is not a folder/],
    ['an unknown option', () => '--fast', /Unknown option '--fast'/],
    ['a value for an option that has none', () => '--json=5', /'--json' does not take an argument/],
  ])('refuses %s with a sentence', async (_what, argument, message) => {
    const run = start(argument())
    expect(await exitCode(run)).toBe(2)
    expect(run.output).toMatch(message)
    expect(run.output).not.toMatch(/ at .*\.ts:\d+/)
  })
})

describe('the command line', () => {
  test.each([
    [['demo', 'a', 'b'], 2, /^demo takes one folder, found "b" as well$/],
    [['dmeo'], 2, /^there is no command "dmeo"\n\nmeshvisor .*\n\nmeshvisor demo /s],
    [['--fast'], 2, /^there is no command "--fast"/],
    [['--version', '--loud'], 2, /^--version takes no argument, found "--loud"$/],
    [['help', 'demo'], 2, /^help takes no argument, found "demo"$/],
    [['--version'], 0, /^\d+\.\d+\.\d+$/],
    [['--help'], 0, /^meshvisor .*\n\nmeshvisor demo /s],
    [[], 0, /^meshvisor .*\n\nmeshvisor demo /s],
    [['demo', '--help'], 0, /^meshvisor demo /],
  ])('%j ends with %i', async (args, code, output) => {
    const run = launch(args)
    expect(await exitCode(run)).toBe(code)
    expect(run.output.trim()).toMatch(output)
  })
})

describe('the text of a file', () => {
  async function piecesOf(path: string): Promise<unknown[]> {
    const pieces: unknown[] = []
    for await (const piece of textOf(path)) pieces.push(piece)
    return pieces
  }

  test('that is not there, or not to be read, is left out', async () => {
    expect(await piecesOf(join(folder, 'nothing'))).toEqual([{ skip: 'unreadable' }])
    expect(await piecesOf(folder)).toEqual([{ skip: 'unreadable' }])
  })

  test('has the same words in pieces as in one', async () => {
    const text = Array.from(
      { length: 40_000 },
      (_, index) => `wörd${'é'.repeat(index % 9)}${index % 5 === 0 ? '𝒳' : ''}`,
    ).join(' ')
    await writeFile(join(folder, 'text'), text)
    const pieces = (await piecesOf(join(folder, 'text'))).map(String)
    expect(pieces.length).toBeGreaterThan(3)
    expect(pieces.flatMap(wordsOf)).toEqual(wordsOf(text))
  })

  test('is cut in front of its last word', () => {
    expect(cutBeforeLastWord('one two')).toEqual(['one ', 'two'])
    expect(cutBeforeLastWord('one two ')).toEqual(['one two ', ''])
    expect(cutBeforeLastWord('x 𝒳𝒴')).toEqual(['x ', '𝒳𝒴'])
    expect(cutBeforeLastWord('')).toEqual(['', ''])
  })
})
