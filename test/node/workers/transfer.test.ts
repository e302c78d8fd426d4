/** Buffers on their way to a thread, a process, and back. */

import { randomUUID } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'

import { type Node, type WorkerRef, transfer } from '../../../src/index.ts'
import { TRANSFER_BYTES_MIN, Transfers } from '../../../src/node/workers/transfer.ts'
import { localNode } from '../../local-node.ts'
import { PATIENCE_MS } from '../../patience.ts'
import * as behaviours from './cell-behaviours.ts'

const MODULE = new URL('cell-behaviours.ts', import.meta.url).href
const BYTES = 1_000_000

let node: Node

beforeAll(async () => {
  node = await localNode({ behaviours: [MODULE] })
})

afterAll(() => node.stop())

afterEach(() => {
  vi.restoreAllMocks()
})

describe('what is given away', () => {
  test('is found in whatever it is in, large ones only, each once', () => {
    const [a, b, c] = [new ArrayBuffer(BYTES), new Float64Array(BYTES), new Uint8Array(BYTES)]
    const small = new Uint8Array(TRANSFER_BYTES_MIN - 1)
    const value = {
      list: [a, [b]],
      map: new Map([['c', c]]),
      set: new Set([c]),
      small,
      text: 'x',
      none: null,
    }
    const circle: unknown[] = [value]
    circle.push(circle)
    const transfers = new Transfers()
    expect(transfers.within(circle)).toEqual([])
    transfers.add(circle)
    expect(new Set(transfers.within(circle))).toEqual(new Set([a, b.buffer, c.buffer]))
    expect(transfers.within({ other: new ArrayBuffer(BYTES) })).toEqual([])
  })
})

describe.each(['thread', 'process', 'inline'] as const)('a buffer for a worker in a %s', isolation => {
  let worker: WorkerRef<typeof behaviours.server>

  beforeAll(async () => {
    worker = await node.addWorker({ id: isolation, run: behaviours.server, args: [0], isolation })
  })

  test('stays with the caller, and a result with the worker', async () => {
    const data = new Uint8Array(BYTES).fill(7)
    const back = await worker.call.keep(data)
    expect(back).toEqual(data)
    expect(data.byteLength).toBe(BYTES)
    expect(await worker.call.keptLength()).toBe(BYTES)
  })

  test('changes hands when it is given away, between threads only', async () => {
    const data = new Uint8Array(BYTES).fill(7)
    await worker.call.keep(transfer(data))
    expect(data.byteLength).toBe(isolation === 'thread' ? 0 : BYTES)
    const given = await worker.call.give()
    expect(given).toEqual({ nested: [new Uint8Array(BYTES).fill(7)] })
    expect(await worker.call.keptLength()).toBe(isolation === 'thread' ? 0 : BYTES)
  })
})

test('64 MB are given to a thread as they are: nothing is left of them with whoever gave them, and they are all there', async () => {
  const bytes = 64 * 1024 * 1024
  const id = 'large'
  const worker = await node.addWorker({ id, run: behaviours.server, args: [0], isolation: 'thread' })
  const patient = worker.with({ timeoutMs: PATIENCE_MS })
  const kept = new Uint8Array(bytes)
  expect(await patient.call.hold(kept)).toBe(bytes)
  expect(kept.byteLength).toBe(bytes)
  const given = new Uint8Array(bytes)
  expect(await patient.call.hold(transfer(given))).toBe(bytes)
  expect(given.byteLength).toBe(0)
  expect(await patient.call.keptLength()).toBe(bytes)
})

describe('an item for a stage in a thread', () => {
  const start = (cluster: string, more: object): Promise<Node> =>
    localNode({ cluster, behaviours: [MODULE], ...more })
  /** How many buffers threads have been given by all posts to them. */
  const countTransfers = () => {
    const post = vi.spyOn(Worker.prototype, 'postMessage')
    return () => post.mock.calls.reduce((sum, [, list]) => sum + (Array.isArray(list) ? list.length : 0), 0)
  }
  const stages = [{ run: behaviours.size, isolation: 'thread' }] as const

  test('is copied where it comes from this node, even when it is given away: its sender may need it again', async () => {
    const chain = await node.addChain({ id: 'local', stages })
    const count = countTransfers()
    const data = new Uint8Array(BYTES)
    expect(await chain.call(transfer(data))).toBe(BYTES)
    expect(data.byteLength).toBe(BYTES)
    expect(count()).toBe(0)
  })

  test('is handed over where it has come over the wire', async () => {
    const cluster = randomUUID()
    await using member = await start(cluster, { discovery: { mdns: false } })
    const discovery = { mdns: false, seeds: member.addresses }
    await using client = await start(cluster, { role: 'client', discovery })
    await client.formed(2)
    const chain = await client.addChain({ id: 'remote', stages })
    const count = countTransfers()
    expect(await chain.call(new Uint8Array(BYTES))).toBe(BYTES)
    expect(count()).toBe(1)
  })

  test('unless it may be tried again: then the next try has all of it', async () => {
    const cluster = randomUUID()
    await using member = await start(cluster, { discovery: { mdns: false } })
    const discovery = { mdns: false, seeds: member.addresses }
    await using client = await start(cluster, { role: 'client', discovery })
    await client.formed(2)
    const chain = await client.addChain({ id: 'again', stages: [{ ...stages[0], onItemError: 'retry' }] })
    const count = countTransfers()
    expect(await chain.call(new Uint8Array(BYTES))).toBe(BYTES)
    expect(count()).toBe(0)
  })

  test('as are the arguments of a call that has', async () => {
    const cluster = randomUUID()
    await using member = await start(cluster, { discovery: { mdns: false } })
    const discovery = { mdns: false, seeds: member.addresses }
    await using client = await start(cluster, { role: 'client', discovery })
    await client.formed(2)
    const isolation = 'thread'
    const worker = await client.addWorker({ id: 'w', run: behaviours.server, args: [0], isolation })
    const count = countTransfers()
    const data = new Uint8Array(BYTES).fill(7)
    expect(await worker.call.keep(data)).toEqual(data)
    expect(count()).toBe(1)
    await worker.call.keep(data.subarray(0, 100))
    expect(count()).toBe(1)
  })
})
