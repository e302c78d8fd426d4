/** Much for a node at once: what is too much is refused or waits, and the session with it stays. */

import { expect, test } from 'vitest'

import { type Reply, type WorkerRef, deferred, defineServer, defineStage } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const MIB = 1024 * 1024
const CHUNK_BYTES = MIB / 4
/** A simulated session ends when so much is on its way. */
const SESSION_BYTES_MAX = 64 * MIB

const store = defineServer('store', {
  init: () => ({ chunks: 0, waiting: new Array<Reply<string>>() }),
  call: {
    chunks: state => state.chunks,
    blob: (_state, bytes: number) => new Uint8Array(bytes),
    wait: state => deferred<string>(reply => void state.waiting.push(reply)),
  },
  cast: {
    put: (state, _chunk: Uint8Array) => void (state.chunks += 1),
    release: state => state.waiting.splice(0).forEach(({ resolve }) => resolve('released')),
  },
})
const size = defineStage('size', (chunk: Uint8Array) => chunk.length)

const disk = { labels: { disk: 'yes' } }

interface Far extends AsyncDisposable {
  readonly mesh: SimulatedMesh
  readonly worker: WorkerRef<typeof store>
}

/** The store on n2, as n1 sees it over a network of the given latency. */
async function farStore(latencyMs: number): Promise<Far> {
  const mesh = await simulate({
    nodes: 2,
    behaviours: [store, size],
    labelsOf: { n2: disk.labels },
    seed: 'congestion',
  })
  await allSeeAll(mesh)
  const spec = { id: 'store', run: store, placement: disk, mailbox: { bytes: 128 * MIB } } as const
  const worker = await mesh.settle(mesh.node('n1').addWorker(spec))
  await mesh.settle(worker.call.chunks())
  mesh.setConditions({ latencyMs })
  return {
    mesh,
    worker: worker.with({ timeoutMs: 60_000 }),
    [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose](),
  }
}

test('casts that are more than gets through are refused, those that were taken all come', async () => {
  await using far = await farStore(200)
  const { mesh, worker } = far
  const waits = worker.call.wait()
  let taken = 0
  const flood = (): void => {
    while (taken * CHUNK_BYTES < 4 * SESSION_BYTES_MAX) {
      worker.cast.put(new Uint8Array(CHUNK_BYTES))
      taken += 1
      if (taken % 4 === 0) return
    }
  }
  const refusal = async (): Promise<unknown> => {
    for (;;) {
      try {
        flood()
      } catch (error) {
        return error
      }
      if (taken * CHUNK_BYTES >= 4 * SESSION_BYTES_MAX) return undefined
      await mesh.run(20)
    }
  }
  expect(await refusal()).toMatchObject({ name: 'OverloadedError', maybeExecuted: false })
  expect(taken * CHUNK_BYTES).toBeGreaterThan(16 * MIB)
  await mesh.run(10_000)
  worker.cast.release()
  expect(await mesh.settle(waits)).toBe('released')
  expect(await mesh.settle(worker.call.chunks())).toBe(taken)
})

test('answers that are more than a session can keep all come', async () => {
  await using far = await farStore(1)
  const { mesh, worker } = far
  const bytes = 4 * MIB - 1_000
  const count = 20
  const blobs = Array.from({ length: count }, () => worker.call.blob(bytes))
  const sizes = (await mesh.settle(Promise.all(blobs))).map(({ length }) => length)
  expect(sizes).toEqual(blobs.map(() => bytes))
})

test('items for which there is credit, and more of them than a session can keep, all come, and casts between them', async () => {
  await using far = await farStore(50)
  const { mesh, worker } = far
  const waits = worker.call.wait()
  const workers = 70
  const stages = [{ run: size, workers, placement: disk }] as const
  const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages }))
  await mesh.settle(chain.call(new Uint8Array(1)))
  const chunk = new Uint8Array((3 * MIB) / 4)
  const calls = Array.from({ length: 2 * workers }, () => chain.call(chunk))
  await mesh.run(20)
  worker.cast.put(chunk)
  worker.cast.release()
  expect(await mesh.settle(Promise.all(calls))).toEqual(calls.map(() => chunk.length))
  expect(await mesh.settle(waits)).toBe('released')
  expect(await mesh.settle(worker.call.chunks())).toBe(1)
})
