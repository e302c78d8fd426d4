/** What one sender sends to workers that move: all of it comes, once, and no call comes before the cast ahead of it. */

import { describe, expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'

/** Counts, and takes its count along. */
const keeper = defineServer('keeper', {
  init: context => ({ count: typeof context.handoff === 'number' ? context.handoff : 0 }),
  call: { count: state => state.count },
  cast: { add: state => void (state.count += 1) },
  handoff: state => state.count,
})

/** The same, and takes its time to start. */
const late = defineServer('late', {
  init: async context => {
    await context.sleep(500)
    return { count: typeof context.handoff === 'number' ? context.handoff : 0 }
  },
  call: { count: state => state.count },
  cast: { add: state => void (state.count += 1) },
  handoff: state => state.count,
})

const STEP_MS = 3

const ids = Array.from({ length: 12 }, (_, index) => `w${index}`)

/** From one node to all workers: a cast and a call at once, and the next ones when the call has been answered. */
class Load {
  readonly #mesh: SimulatedMesh
  readonly #from: string
  readonly #busy = new Set<string>()
  /** Of each worker, how many casts were made. */
  readonly made = new Map<string, number>()
  /** Calls that were answered before the cast ahead of them had come, or not at all. */
  readonly wrong: string[] = []

  constructor(mesh: SimulatedMesh, from: string) {
    this.#mesh = mesh
    this.#from = from
  }

  async run(durationMs: number): Promise<void> {
    for (let ms = 0; ms < durationMs; ms += STEP_MS) {
      for (const id of ids) if (!this.#busy.has(id)) void this.#press(id)
      await this.#mesh.run(STEP_MS)
    }
  }

  homes(): string[] {
    const { specs } = this.#mesh.node(this.#from).snapshot()
    return specs.flatMap(({ workers }) => workers.map(({ node }) => node))
  }

  async #press(id: string): Promise<void> {
    const made = (this.made.get(id) ?? 0) + 1
    this.made.set(id, made)
    this.#busy.add(id)
    const worker = this.#mesh.node(this.#from).getWorker(id, keeper)
    worker.cast.add()
    try {
      const count = await worker.call.count()
      if (count !== made) this.wrong.push(`${id}: ${count}, not ${made}`)
    } catch (error) {
      this.wrong.push(`${id}: ${String(error)}`)
    }
    this.#busy.delete(id)
  }
}

test.each(Array.from({ length: 6 }, (_, seed) => seed))(
  'a node sends while it is emptied and takes work again: seed %i',
  async seed => {
    const conditions = { latencyMs: 1 + seed, jitterMs: 5 * (seed % 3) }
    await using mesh = new SimulatedMesh({ nodes: 3, behaviours: [keeper], seed, conditions })
    await mesh.startAll()
    const node = mesh.node('n1')
    await mesh.settle(node.formed(3))
    await mesh.settle(Promise.all(ids.map(id => node.addWorker({ id, run: keeper }))))
    const load = new Load(mesh, 'n1')
    await load.run(50)
    expect(load.homes()).toContain('n1')
    const draining = node.drain()
    await load.run(1_000)
    expect(await draining).toEqual([])
    node.resume()
    // They come back a few at a time.
    await load.run(15_000)
    expect(load.homes()).toContain('n1')
    await mesh.run(5_000)
    const counts = await mesh.settle(
      Promise.all(ids.map(async id => [id, await node.getWorker(id, keeper).call.count()] as const)),
    )
    expect(new Map(counts)).toEqual(load.made)
    expect(load.wrong).toEqual([])
    expect(mesh.up.map(id => mesh.node(id).snapshot().lostMessages)).toEqual([0, 0, 0])
  },
)

describe('a worker that is removed while it moves', () => {
  test.each(['n1', 'n2'])('calls behind casts that are sent on end at once: from %s', async from => {
    await using mesh = new SimulatedMesh({ nodes: 2, behaviours: [late], seed: from })
    await mesh.startAll()
    const node = mesh.node(from)
    await mesh.settle(node.formed(2))
    const specs = ids.map(id => ({ id, run: late }))
    await mesh.settle(Promise.all(specs.map(spec => node.addWorker(spec))))
    const homeOf = (id: string): string | undefined =>
      node.snapshot().specs.find(spec => spec.id === id)?.workers[0]?.node
    const id = ids.find(each => homeOf(each) === 'n1') ?? ''
    const worker = node.getWorker(id, late)
    const draining = mesh.node('n1').drain()
    const failed: unknown[] = []
    let openCount = 0
    // Over and over, as it is not known here when the worker stops.
    for (let ms = 0; ms < 50; ms++) {
      worker.cast.add()
      openCount += 1
      void worker.call
        .count()
        .catch((error: unknown) => failed.push(error))
        .finally(() => (openCount -= 1))
      await mesh.run(1)
    }
    expect(failed).toEqual([])
    await mesh.settle(node.removeWorker(id))
    await mesh.run(100)
    expect(openCount).toBe(0)
    expect(failed[0]).toMatchObject({ name: 'NotFoundError' })
    await draining
  })
})
