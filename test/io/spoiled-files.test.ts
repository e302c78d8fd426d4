/** What stands in the files of a data folder, and was not written by a node, is told of once, when the node starts. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { localNode } from '../local-node.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshvisor-spoiled-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** @returns what a node that starts with the folder, and stops, warns of: of the files only */
async function warningsOfRun(): Promise<readonly string[]> {
  const warnings: string[] = []
  const warn = (_: object, message: string): number => warnings.push(message)
  const logger = { debug: () => {}, info: () => {}, warn, error: warn }
  const node = await localNode({ dataFolder: folder, logger, discovery: { mdns: false } })
  await node.stop()
  return warnings.filter(message => message.includes(folder))
}

async function fill(name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), text)
}

test('a first run, the next one, and one with empty files warn of nothing', async () => {
  expect(await warningsOfRun()).toEqual([])
  expect(await warningsOfRun()).toEqual([])
  for (const name of ['peers.json', 'port', 'boot']) await fill(name, '')
  expect(await warningsOfRun()).toEqual([])
  for (const name of ['peers.json', 'port', 'boot']) await fill(name, '\n')
  await fill('peers.json', '[]')
  expect(await warningsOfRun()).toEqual([])
})

test.each(['not json', '{"peers": []}', '[{"id": 7}]', 'null'])(
  'a list of members that is none is told of: %s',
  async text => {
    await fill('peers.json', text)
    expect(await warningsOfRun()).toEqual([
      expect.stringContaining(
        `${join(folder, 'peers.json')} holds ${JSON.stringify(text)}, wanted a list of members: those of earlier runs are not remembered`,
      ),
    ])
  },
)

test.each(['nonsense', '-5', '4.5', 'NaN'])(
  'a number of the last run that is none is told of, and written anew: %s',
  async text => {
    await fill('boot', text)
    expect(await warningsOfRun()).toEqual([
      expect.stringContaining(
        `${join(folder, 'boot')} holds "${text}", wanted the number of the last run: this one has its number from the clock`,
      ),
    ])
    expect(Number(await readFile(join(folder, 'boot'), 'utf8'))).toBeGreaterThan(0)
    expect(await warningsOfRun()).toEqual([])
  },
)

test.each(['x', '65536', '0'])('a port of the last run that is none is told of: %s', async text => {
  await fill('port', text)
  const warnings = await warningsOfRun()
  expect(warnings).toEqual([
    expect.stringContaining(`${join(folder, 'port')} holds "${text}", wanted the port of the last run`),
  ])
  expect(await warningsOfRun()).toEqual([])
})

test('one that cannot be read is told of as well, and no more of a long one than its beginning', async () => {
  await mkdir(join(folder, 'port'))
  await fill('peers.json', 'y'.repeat(100_000))
  const warnings = await warningsOfRun()
  expect(warnings).toHaveLength(2)
  expect(warnings[0]).toContain(`holds "${'y'.repeat(40)}…", wanted a list`)
  expect(warnings[1]).toMatch(/^the port of the last run cannot be read \(.*port is no file: move it away\)/)
})
