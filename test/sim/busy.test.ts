/**
 * Processes that get a part of a processor: held up for 100 to 400 ms again and again, for minutes. They call nobody dead
 * for it, and find the dead all the same.
 */

import { describe, expect, test } from 'vitest'

import { Prng } from '../../src/prng.ts'
import { type SimulatedMesh, type SimulationInit, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const HELD_MS = [100, 400] as const

/** How a node is held up: for so long at a time, and for so long it is not then. */
interface Beat {
  readonly heldMs: readonly [min: number, max: number]
  readonly freeMs: (heldMs: number) => number
}

/** For so much of the time. */
function heldFor(share: number): Beat {
  return { heldMs: HELD_MS, freeMs: heldMs => heldMs * (1 / share - 1) }
}

/** For so long at a time, with so much time between. */
function heldBetween(heldMs: number, freeMs: number): Beat {
  return { heldMs: [heldMs, heldMs], freeMs: () => freeMs }
}

/** Nodes that are held up again and again, each by itself, as time passes here. */
class Busy {
  readonly #mesh: SimulatedMesh
  readonly #prng: Prng
  readonly #beat: Beat
  readonly #turnMs = new Map<string, number>()

  constructor(mesh: SimulatedMesh, ids: readonly string[], beat: Beat) {
    this.#mesh = mesh
    this.#prng = new Prng(mesh.seed)
    this.#beat = beat
    for (const id of ids) this.#turnMs.set(id, mesh.nowMs + this.#prng.between(...HELD_MS))
  }

  async pass(durationMs: number): Promise<void> {
    const mesh = this.#mesh
    for (const untilMs = mesh.nowMs + durationMs; mesh.nowMs < untilMs;) {
      const nextMs = Math.min(untilMs, ...this.#turnMs.values())
      await mesh.run(nextMs - mesh.nowMs)
      for (const [id, turnMs] of this.#turnMs) if (turnMs <= mesh.nowMs) this.#turn(id)
    }
  }

  /** @returns how long it took until `of` was dead for all of `ids`; a minute: longer */
  async untilDead(of: string, ids: readonly string[]): Promise<number> {
    const sinceMs = this.#mesh.nowMs
    const isOut = (): boolean => ids.every(id => statusAt(this.#mesh, id, of) === 'dead')
    while (!isOut() && this.#mesh.nowMs - sinceMs < 60_000) await this.pass(50)
    return this.#mesh.nowMs - sinceMs
  }

  #turn(id: string): void {
    const heldMs = this.#prng.between(...this.#beat.heldMs)
    if (this.#mesh.isFrozen(id)) {
      this.#mesh.thaw(id)
      this.#turnMs.set(id, this.#mesh.nowMs + this.#beat.freeMs(heldMs))
    } else {
      this.#mesh.freeze(id)
      this.#turnMs.set(id, this.#mesh.nowMs + heldMs)
    }
  }
}

function statusAt(mesh: SimulatedMesh, id: string, of: string): string | undefined {
  const { members } = mesh.node(id).inspect().core.ledger.tables
  return members.get(of)?.status
}

/** From now on nothing gets through between two nodes, and each dial is refused. @returns how many were */
function reject(mesh: SimulatedMesh, one: string, other: string): { readonly count: number } {
  const refused = { count: 0 }
  mesh.cut(one, other)
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    const { core } = mesh.node(from).inspect()
    const { id } = mesh.node(to)
    const step = core.step.bind(core)
    core.step = (event, now) => {
      if (event.kind !== 'dial-failed' || event.key !== id) return step(event, now)
      refused.count += 1
      return step({ ...event, failure: 'refused' }, now)
    }
  }
  return refused
}

async function formed(nodes: number, init: SimulationInit = {}): Promise<SimulatedMesh> {
  const mesh = await simulate({ seed: `busy ${nodes}`, nodes, ...init })
  await allSeeAll(mesh)
  await mesh.run(2_000)
  return mesh
}

describe.each([3, 5, 8])('in a mesh of %i', nodes => {
  // A degraded node said of nobody that its port refuses: it left that to the others, which were degraded as well.
  test.each([
    [120, 5],
    [150, 5],
    [250, 2],
    [250, 5],
    [350, 5],
    [400, 2],
    [400, 10],
  ])(
    'all of which are held up for %i of each %i ms more, one that is killed is out in three seconds',
    async (heldMs, freeMs) => {
      await using mesh = await formed(nodes)
      const others = mesh.ids.filter(id => id !== 'n2')
      const busy = new Busy(mesh, others, heldBetween(heldMs, freeMs))
      await busy.pass(20_000)
      mesh.crash('n2')
      expect(await busy.untilDead('n2', others)).toBeLessThan(3_000)
    },
  )

  test.each([
    [150, 5],
    [250, 2],
    [400, 10],
  ])(
    'all of which are held up for %i of each %i ms more, one that only one of them has met is out in 15 s',
    async (heldMs, freeMs) => {
      await using mesh = await formed(nodes)
      const others = mesh.ids.filter(id => id !== 'n2')
      for (const id of others) if (id !== 'n1') mesh.cut(id, 'n2')
      const busy = new Busy(mesh, others, heldBetween(heldMs, freeMs))
      await busy.pass(20_000)
      mesh.crash('n2')
      expect(await busy.untilDead('n2', others)).toBeLessThan(15_000)
    },
  )

  test.each([
    [120, 5],
    [250, 2],
    [250, 10],
    [400, 2],
    [400, 10],
  ])(
    'all of which are held up for %i of each %i ms more, nobody dies of a firewall that rejects between two of them',
    async (heldMs, freeMs) => {
      // A dial that is refused is so at once.
      await using mesh = await formed(nodes, { conditions: { dialTimeoutMs: 5 } })
      const busy = new Busy(mesh, mesh.ids, heldBetween(heldMs, freeMs))
      await busy.pass(20_000)
      let dead = 0
      for (const id of mesh.ids) mesh.node(id).on('member:dead', () => (dead += 1))
      const refused = reject(mesh, 'n1', 'n2')
      await busy.pass(60_000)
      expect(dead).toBe(0)
      expect(refused.count).toBeGreaterThan(10)
    },
  )

  // With 0.9 of eight nodes it took more than a minute: each stall made them begin anew with what they were about to find.
  test.each([0.5, 0.8, 0.9])(
    'all of which are held up for %d of the time, one that falls silent is out in ten seconds',
    async share => {
      await using mesh = await formed(nodes)
      const others = mesh.ids.filter(id => id !== 'n2')
      const busy = new Busy(mesh, others, heldFor(share))
      await busy.pass(20_000)
      mesh.freeze('n2')
      expect(await busy.untilDead('n2', others)).toBeLessThan(10_000)
    },
  )

  test('one of which is held up for 0.9 of the time, it hears of one that falls silent as soon as the others', async () => {
    await using mesh = await formed(nodes)
    const busy = new Busy(mesh, ['n1'], heldFor(0.9))
    await busy.pass(20_000)
    mesh.freeze('n2')
    expect(await busy.untilDead('n2', ['n1', 'n3'])).toBeLessThan(5_000)
  })

  test('all of which are held up for 0.9 of the time, nobody dies of it in a minute', async () => {
    await using mesh = await formed(nodes)
    let dead = 0
    for (const id of mesh.ids) mesh.node(id).on('member:dead', () => (dead += 1))
    await new Busy(mesh, mesh.ids, heldFor(0.9)).pass(60_000)
    expect(dead).toBe(0)
  })
})

// It never did, as long as it was degraded.
test('in a mesh of two, one that is degraded all the time buries the silent other one all the same', async () => {
  await using mesh = await formed(2)
  let degraded = 0
  mesh.node('n1').on('node:degraded', () => (degraded += 1))
  const busy = new Busy(mesh, ['n1'], heldBetween(270, 30))
  await busy.pass(20_000)
  mesh.freeze('n2')
  const deadMs = await busy.untilDead('n2', ['n1'])
  expect(degraded).toBe(1)
  // It is more patient than others are: a suspicion of one that is well is over by then.
  expect(deadMs).toBeGreaterThan(10_000)
  expect(deadMs).toBeLessThan(40_000)
})

// They never did: each was degraded, and nobody else was there to tell them.
test.each([
  [190, 10, 'lan'],
  [270, 30, 'lan'],
  [400, 10, 'lan'],
  [600, 100, 'edge'],
  [900, 30, 'edge'],
] as const)(
  'two of five that are cut off, and held up for %i of each %i ms more, find the others dead (%s)',
  async (heldMs, freeMs, profile) => {
    await using mesh = await formed(5, { profile })
    const [here, there] = [
      ['n1', 'n2'],
      ['n3', 'n4', 'n5'],
    ]
    const busy = new Busy(mesh, here, heldBetween(heldMs, freeMs))
    await busy.pass(20_000)
    for (const one of here) for (const other of there) mesh.cut(one, other)
    const sinceMs = mesh.nowMs
    for (const other of there) await busy.untilDead(other, here)
    expect(mesh.nowMs - sinceMs).toBeLessThan(60_000)
    expect(here.map(id => statusAt(mesh, 'n1', id))).toEqual(['alive', 'alive'])
  },
)
