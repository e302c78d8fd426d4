/** A peer that takes in less than is sent to it: what is too much is refused or waits, and the session stays. */

import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn, setInterval as everyMs } from 'node:timers/promises'
import { expect, test } from 'vitest'

import { type Reply, type WorkerRef, defineServer, deferred } from '../../src/index.ts'
import { localNode } from '../local-node.ts'
import { PATIENCE, PATIENCE_MS } from '../patience.ts'
import { slowLink } from './slow-link.ts'

const MIB = 1024 * 1024
const CHUNK_BYTES = 256 * 1024
/** What a stream of libp2p buffers before it breaks. */
const STREAM_BYTES_MAX = 64 * MIB
/** So fast that what waits is through in a second or two, and much slower than a loop. */
const LINK_BYTES_PER_MS = 32 * 1024
/** Eight mebibytes a second, at most. */
const THIN_LINK_BYTES_PER_MS = 8 * 1024

const store = defineServer('store', {
  init: () => ({ chunks: 0, blobs: 0, waiting: new Array<Reply<string>>() }),
  call: {
    chunks: state => state.chunks,
    blobs: state => state.blobs,
    blob: (state, bytes: number) => {
      state.blobs += 1
      return new Uint8Array(bytes)
    },
    wait: state => deferred<string>(reply => void state.waiting.push(reply)),
  },
  cast: {
    put: (state, _chunk: Uint8Array) => void (state.chunks += 1),
    release: state => state.waiting.splice(0).forEach(({ resolve }) => resolve('released')),
  },
})

type Store = WorkerRef<typeof store>

/** The store, on another node than whoever asks for it, at the other end of a slow link. */
async function farStore(
  bytesPerMs = LINK_BYTES_PER_MS,
): Promise<{ readonly worker: Store } & AsyncDisposable> {
  const cluster = randomUUID()
  const keeper = await localNode({ cluster, behaviours: [store], labels: { disk: 'yes' } })
  const link = await slowLink(Number(keeper.addresses[0]?.split('/')[4]), bytesPerMs)
  const node = await localNode({
    cluster,
    listen: [],
    behaviours: [store],
    discovery: { mdns: false, seeds: [link.address] },
  })
  await node.formed(2)
  const worker = await node.addWorker({
    id: 'store',
    run: store,
    placement: { labels: { disk: 'yes' } },
    mailbox: { bytes: 128 * MIB },
  })
  return {
    worker: worker.with({ timeoutMs: 2 * PATIENCE_MS }),
    async [Symbol.asyncDispose]() {
      await Promise.all([node.stop(), keeper.stop()])
      await link[Symbol.asyncDispose]()
    },
  }
}

/** Casts chunks, a turn of the event loop for each, until one is refused. @returns how many were taken, and why not more */
async function flood(worker: Store): Promise<{ readonly taken: number; readonly error: unknown }> {
  for (let taken = 0; taken * CHUNK_BYTES < 4 * STREAM_BYTES_MAX; taken++) {
    try {
      worker.cast.put(new Uint8Array(CHUNK_BYTES))
    } catch (error) {
      return { taken, error }
    }
    await nextTurn()
  }
  return { taken: Infinity, error: undefined }
}

test('a sender that is faster than the link is refused, nothing that was taken is lost, and the session is the same', async () => {
  await using far = await farStore()
  const { worker } = far
  // Of this session: where it breaks, this call ends.
  const waits = worker.call.wait()
  const outcome = waits.catch(String)
  const { taken, error } = await flood(worker)
  expect(error).toMatchObject({ name: 'OverloadedError', maybeExecuted: false })
  expect(taken * CHUNK_BYTES).toBeGreaterThan(16 * MIB)
  await expect.poll(() => tryTo(() => worker.cast.release()), { timeout: PATIENCE_MS }).toBe('taken')
  expect(await outcome).toBe('released')
  expect(await worker.call.chunks()).toBe(taken)
})

test('answers that are more than a stream buffers all come', async () => {
  await using far = await farStore()
  const bytes = 200_000
  const count = Math.ceil((1.5 * STREAM_BYTES_MAX) / bytes)
  const answers = await Promise.allSettled(Array.from({ length: count }, () => far.worker.call.blob(bytes)))
  expect(answers.filter(({ status }) => status === 'rejected')).toEqual([])
  expect(answers).toHaveLength(count)
})

test('a caller of more answers than the link carries is refused, and is answered again', async () => {
  await using far = await farStore(THIN_LINK_BYTES_PER_MS)
  const worker = far.worker.with({ timeoutMs: 2_000 })
  const calls: Promise<unknown>[] = []
  const refused: unknown[] = []
  const until = performance.now() + PATIENCE_MS
  for await (const _ of everyMs(50)) {
    calls.push(worker.call.blob(MIB).catch((error: unknown) => void refused.push(error)))
    if (refused.length >= 20 || performance.now() > until) break
  }
  await Promise.all(calls)
  const overloads = refused.filter(isOverload)
  expect(overloads.length).toBeGreaterThan(10)
  expect(overloads[0]).toMatchObject({
    maybeExecuted: false,
    message: expect.stringMatching(/^more answers wait on the node of "store" /),
  })
  expect(await far.worker.call.blobs()).toBeLessThanOrEqual(calls.length - overloads.length)
  const answer = async (): Promise<number> => (await worker.call.blob(MIB).catch(() => [])).length
  await expect.poll(answer, PATIENCE).toBe(MIB)
})

function isOverload(error: unknown): boolean {
  return error instanceof Error && error.name === 'OverloadedError'
}

function tryTo(action: () => void): string {
  try {
    action()
    return 'taken'
  } catch (error) {
    return String(error)
  }
}
