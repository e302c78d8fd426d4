/**
 * Nodes that are emptied, take work again, leave and come back, one right after the other and at once, and nothing else:
 * no crash, no cut. What any worker was told has been told to all who come after it.
 */

import { expect, test } from 'vitest'

import { Prng } from '../../src/prng.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { keeper } from './behaviours.ts'

const NODES = 5
/** So many always take work. */
const TAKING_MIN = 2
const STEPS = 60
const WORKERS = ['k0', 'k1', 'k2']
const MEMBERS = ['a', 'b', 'c', 'd']
const CALM_MS = 30_000
/** As long as whatever is asked may have to wait for a worker that moves. */
const PATIENT = { timeoutMs: 20_000 }

type Keepers = readonly { readonly id: string; readonly run: typeof keeper; readonly args: readonly [0] }[]

/** How often something was told to be more by one: for sure, and perhaps. */
interface Told {
  sure: number
  perhaps: number
}

class Comings {
  readonly #mesh: SimulatedMesh
  readonly #prng: Prng
  readonly #told = new Map<string, Told>()
  readonly #waits: Promise<void>[] = []

  constructor(mesh: SimulatedMesh, prng: Prng) {
    this.#mesh = mesh
    this.#prng = prng
  }

  async declare(strategy: (typeof GROUP_STRATEGIES)[number]): Promise<void> {
    const node = this.#mesh.node('n1')
    const members: Keepers = MEMBERS.map(id => ({ id, run: keeper, args: [0] }))
    await this.#mesh.settle(
      Promise.all([
        ...WORKERS.map(id => node.addWorker({ id, run: keeper, args: [0] })),
        node.addGroup({ id: 'g', strategy, members }),
      ]),
    )
  }

  /** One thing, and a while, which is most often shorter than a move takes. */
  async step(): Promise<void> {
    this.#tellOne()
    await this.#change()
    await this.#mesh.run(this.#prng.chance(0.4) ? this.#prng.between(0, 20) : this.#prng.between(20, 1_500))
  }

  /** @returns of each worker: what it was told for sure, what perhaps, and what it knows */
  async end(): Promise<(Told & { readonly id: string; readonly knows: number })[]> {
    for (const id of this.#emptied()) this.#mesh.node(id).resume()
    await this.#mesh.run(CALM_MS)
    await this.#mesh.settle(Promise.all(this.#waits))
    const known = [...this.#told].map(async ([id, told]) => ({
      id,
      ...told,
      knows: await this.#of(id).call.get(),
    }))
    return this.#mesh.settle(Promise.all(known))
  }

  async #change(): Promise<void> {
    const mesh = this.#mesh
    const emptied = this.#emptied()
    const taking = this.#here().filter(id => !emptied.includes(id))
    const down = mesh.ids.filter(id => !mesh.up.includes(id) && !mesh.leaving.includes(id))
    // The first one stays, as it is the one that is asked.
    const [, ...others] = taking
    const some = others.length >= TAKING_MIN ? this.#prng.pick(others) : undefined
    switch (this.#prng.pick(['drain', 'resume', 'leave', 'start', 'start'])) {
      case 'drain':
        if (some !== undefined)
          void mesh
            .node(some)
            .drain()
            .catch(() => {})
        break
      case 'resume':
        if (emptied.length > 0) mesh.node(this.#prng.pick(emptied)).resume()
        break
      case 'leave':
        if (some !== undefined) this.#waits.push(mesh.leave(some))
        break
      default:
        if (down.length > 0) await mesh.start(this.#prng.pick(down))
    }
  }

  #tellOne(): void {
    const id = this.#prng.pick([...WORKERS, ...MEMBERS.map(member => `g/${member}`)])
    const told = this.#told.get(id) ?? { sure: 0, perhaps: 0 }
    this.#told.set(id, told)
    const isTold = this.#of(id).call.add(1)
    this.#waits.push(
      isTold.then(
        () => void (told.sure += 1),
        () => void (told.perhaps += 1),
      ),
    )
  }

  #of(worker: string) {
    const [id = '', member] = worker.split('/')
    const node = this.#mesh.node('n1')
    if (member === undefined) return node.getWorker(id, keeper).with(PATIENT)
    return node.getGroup<Keepers>(id).member(member).with(PATIENT)
  }

  #here(): string[] {
    return this.#mesh.up.filter(id => !this.#mesh.leaving.includes(id))
  }

  #emptied(): string[] {
    return this.#here().filter(id =>
      this.#mesh
        .node(id)
        .members()
        .some(each => each.isSelf && each.isDraining),
    )
  }
}

const CASES = GROUP_STRATEGIES.flatMap(strategy =>
  Array.from({ length: 25 }, (_, seed) => ({ strategy, seed })),
)

test.each(CASES)('lose nothing that a worker was told: $strategy, seed $seed', async ({ strategy, seed }) => {
  const text = `comings ${strategy} ${seed}`
  await using mesh = new SimulatedMesh({ nodes: NODES, behaviours: [keeper], seed: text })
  await mesh.startAll()
  await allSeeAll(mesh)
  const comings = new Comings(mesh, new Prng(text))
  await comings.declare(strategy)
  for (let step = 0; step < STEPS; step++) await comings.step()
  for (const { id, sure, perhaps, knows } of await comings.end()) {
    expect(knows, id).toBeGreaterThanOrEqual(sure)
    expect(knows, id).toBeLessThanOrEqual(sure + perhaps)
  }
})
