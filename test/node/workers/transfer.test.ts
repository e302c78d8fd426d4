/** Buffers on their way to a thread, a process, and back. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Node, type WorkerRef, createNode, transfer } from '../../../src/index.ts'
import { TRANSFER_BYTES_MIN, givenIn } from '../../../src/node/workers/transfer.ts'
import * as behaviours from './cell-behaviours.ts'

const BYTES = 1_000_000

let node: Node

beforeAll(async () => {
  node = await createNode({
    cluster: `transfer ${process.pid}`,
    behaviours: [new URL('cell-behaviours.ts', import.meta.url).href],
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: { mdns: false },
    logger: false,
  })
})

afterAll(() => node.stop())

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
    expect(givenIn(circle)).toEqual([])
    expect(transfer(circle)).toBe(circle)
    expect(new Set(givenIn(circle))).toEqual(new Set([a, b.buffer, c.buffer]))
    expect(givenIn({ other: new ArrayBuffer(BYTES) })).toEqual([])
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
