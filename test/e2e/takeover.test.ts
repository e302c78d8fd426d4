/** Two real nodes with one key on one machine: the newer one lives, and the older one ends with an error. */

import { randomUUID } from 'node:crypto'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type Node, type NodeInit, defineServer } from '../../src/index.ts'
import { DataFolder } from '../../src/io/system/data-folder.ts'
import { freePort, until } from '../io/harnesses.ts'
import { localNode } from '../local-node.ts'
import { PATIENCE } from '../patience.ts'
import * as behaviours from './behaviours.ts'
import { HolderProcess } from './holder-process.ts'

/** What has happened to the gated workers, and how their end is let through. */
const noted: string[] = []
let gate = Promise.withResolvers<void>()

/** Stops when the test says so. */
const gated = defineServer('gated', {
  init: () => ({}),
  call: { hear: (): string => 'heard' },
  terminate: async () => {
    noted.push('asked to stop')
    await gate.promise
    noted.push('stopped')
  },
})

const STOPPING_MS = 2_000

let base: string
let folder: string
const processes: HolderProcess[] = []
const nodes: Node[] = []

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'meshvisor-takeover-'))
  folder = join(base, 'data')
  noted.length = 0
  gate = Promise.withResolvers<void>()
})

afterEach(async () => {
  gate.resolve()
  await Promise.all(processes.splice(0).map(each => each.kill()))
  await Promise.all(nodes.splice(0).map(node => node.stop()))
  await rm(base, { recursive: true, force: true })
})

function launch(orders: ConstructorParameters<typeof HolderProcess>[0]): HolderProcess {
  const started = new HolderProcess(orders)
  processes.push(started)
  return started
}

async function start(more: NodeInit = {}): Promise<Node> {
  const node = await localNode({ behaviours: [gated], dataFolder: folder, ...more })
  nodes.push(node)
  return node
}

test('of two processes with one folder and one port the newer one gets the place and the workers, and the older one ends', async () => {
  const cluster = randomUUID()
  const witness = await localNode({ cluster, role: 'client', behaviours: [behaviours] })
  nodes.push(witness)
  const listen = `/ip4/127.0.0.1/tcp/${await freePort()}`
  const orders = { cluster, listen, dataFolder: folder, seed: witness.addresses[0] ?? '' }
  const older = launch(orders)
  const id = await older.said('ready')
  await witness.formed(2)
  const diary = join(base, 'diary')
  await witness.addWorker({ id: 'diarist', run: behaviours.diarist, args: [diary] })
  const worker = await witness.addWorker({ id: 'member', run: behaviours.member })
  expect(await worker.call.whoami()).toMatchObject({ pid: older.pid })

  const newer = launch(orders)
  expect(await newer.said('ready')).toBe(id)
  expect(await readFile(diary, 'utf8')).toBe('diarist abort\ndiarist stopped\n')
  expect(await older.ended()).toBe(0)
  expect(older.findLine('replacedBy')?.['replacedBy']).toBe(newer.findLine('ready')?.['boot'])
  expect(older.findLine('over')).toEqual({ over: 'DuplicateIdentityError' })
  const logs = (of: HolderProcess): string => of.lines.map(({ logged }) => String(logged ?? '')).join('\n')
  expect(logs(older)).toContain(`process ${newer.pid} has started with the key in ${folder}`)
  expect(logs(older)).toMatch(/another process with the key of this node .* has started/)
  expect(logs(newer)).toContain(`process ${older.pid} ran with the key in ${folder}`)
  expect(newer.findLine('ready')?.['addresses']).toEqual([`${listen}/p2p/${String(id)}`])
  const whereIsIt = (): Promise<number | undefined> =>
    worker.call.whoami().then(
      ({ pid }) => pid,
      () => undefined,
    )
  await expect.poll(whereIsIt, PATIENCE).toBe(newer.pid)
  expect(newer.findLine('replacedBy')).toBeUndefined()
})

test('a node with a copy of a folder takes the place of the one that it was copied from', async () => {
  const orders = { cluster: randomUUID(), listen: '/ip4/127.0.0.1/tcp/0' }
  const older = launch({ ...orders, dataFolder: folder })
  const id = await older.said('ready')
  const copy = join(base, 'copy')
  await cp(folder, copy, { recursive: true })
  const newer = launch({ ...orders, dataFolder: copy })
  expect(await newer.said('ready')).toBe(id)
  expect(await older.ended()).toBe(0)
  expect(older.findLine('over')).toEqual({ over: 'DuplicateIdentityError' })
})

test('a node that is frozen is not replaced, also not when it goes on; the next one that asks gets its place', async () => {
  const older = launch({ cluster: randomUUID(), listen: '/ip4/127.0.0.1/tcp/0', dataFolder: folder })
  await older.said('ready')
  older.signal('SIGSTOP')
  const limits = { answerMs: 300, leaveMs: 300 }
  const init = {
    path: folder,
    makeKey: async () => new Uint8Array(),
    idOf: () => 'me',
    wallMs: () => Date.now(),
    onWarning: () => {},
  }
  await expect(DataFolder.open({ ...init, limits })).rejects.toMatchObject({
    name: 'DataFolderError',
    message: expect.stringMatching(
      /has not answered in 300 ms, as one that is stopped or hangs: end its process/,
    ),
  })
  older.signal('SIGCONT')
  const opened = await DataFolder.open(init)
  await opened.close()
  expect(await older.ended()).toBe(0)
  expect(older.lines.filter(line => 'replacedBy' in line)).toHaveLength(1)
})

test('a node that is stopped by a signal hands over in good order, and the newer one waits for it', async () => {
  const orders = {
    cluster: randomUUID(),
    listen: `/ip4/127.0.0.1/tcp/${await freePort()}`,
    dataFolder: folder,
  }
  const older = launch(orders)
  const id = await older.said('ready')
  older.signal('SIGTERM')
  const newer = launch(orders)
  expect(await newer.said('ready')).toBe(id)
  expect(await older.ended()).toBe(0)
  expect(older.findLine('over')).toEqual({ over: 'NodeStoppedError' })
})

test('in one process, the newer node gets the folder when the workers of the older one have stopped', async () => {
  const older = await start()
  const boots: number[] = []
  older.on('node:replaced', ({ by }) => boots.push(by.boot))
  await older.addWorker({ id: 'gated', run: gated })
  const coming = start()
  await until('its worker is told', () => noted.length > 0)
  expect(() => older.getWorker('gated')).toThrow(expect.objectContaining({ name: 'DuplicateIdentityError' }))
  expect(older.members()).toEqual([])
  // Longer than the newer one would take to start.
  setTimeout(gate.resolve, STOPPING_MS)
  const newer = await coming
  expect(noted).toEqual(['asked to stop', 'stopped'])
  expect(newer.id).toBe(older.id)
  expect(newer.members().map(({ boot }) => boot)).toEqual(boots)
  await older.stopped
  await newer.addWorker({ id: 'gated', run: gated })
})

test('a node that is being stopped is not replaced: the newer one waits for it', async () => {
  const warned: string[] = []
  const note = (_: object, message: string): void => void warned.push(message)
  const older = await start({ logger: { debug: () => {}, info: () => {}, warn: note, error: note } })
  let isReplaced = false
  older.on('node:replaced', () => (isReplaced = true))
  await older.addWorker({ id: 'gated', run: gated })
  const stopped = older.stop()
  await until('its worker is told', () => noted.length > 0)
  const coming = start()
  await until('it is asked', () => warned.some(line => line.includes('has started with the key')))
  expect(nodes).toHaveLength(1)
  gate.resolve()
  await Promise.all([stopped, coming])
  expect(noted).toEqual(['asked to stop', 'stopped'])
  expect(isReplaced).toBe(false)
})

test('of four that start at the same moment with one folder, one lives, and each other one ends with the error', async () => {
  const living = new Set<Node>()
  const errors: unknown[] = []
  const replaced = new Set<Node>()
  const one = async (): Promise<void> => {
    const node = await start()
    living.add(node)
    node.on('node:replaced', () => replaced.add(node))
    void node.stopped.then(() => living.delete(node))
  }
  await Promise.all(Array.from({ length: 4 }, () => one().catch((error: unknown) => errors.push(error))))
  await until('one lives', () => living.size === 1)
  expect(errors.length + replaced.size).toBe(3)
  for (const error of errors) expect(error).toMatchObject({ name: 'DuplicateIdentityError' })
  const [last] = living
  expect(last?.members()).toHaveLength(1)
})

test('a node that cannot start for a reason of its own does not end the one that runs', async () => {
  const older = await start()
  await expect(start({ listen: ['/ip4/127.0.0.1/udp/1'] })).rejects.toMatchObject({ name: 'ListenError' })
  const missing = new URL('there-is-none.ts', import.meta.url)
  await expect(start({ behaviours: [missing] })).rejects.toMatchObject({ name: 'OptionsError' })
  expect(older.members()).toHaveLength(1)
})
