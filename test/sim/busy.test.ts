/**
 * Processes that get a part of a processor: held up for 100 to 400 ms again and again, for minutes. They call nobody dead
 * for it, and find the dead all the same.
 */

import { describe, expect, test } from 'vitest'

import { Prng } from '../../src/prng.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const HELD_MS = [100, 400] as const

/** Nodes that are held up again and again, each by itself, as time passes here. */
class Busy {
  readonly #mesh: SimulatedMesh
  readonly #prng: Prng
  /** For so much of the time. */
  readonly #share: number
  readonly #turnMs = new Map<string, number>()

  constructor(mesh: SimulatedMesh, ids: readonly string[], share: number) {
    this.#mesh = mesh
    this.#prng = new Prng(mesh.seed)
    this.#share = share
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
    const heldMs = this.#prng.between(...HELD_MS)
    if (this.#mesh.isFrozen(id)) {
      this.#mesh.thaw(id)
      this.#turnMs.set(id, this.#mesh.nowMs + heldMs * (1 / this.#share - 1))
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

async function formed(nodes: number): Promise<SimulatedMesh> {
  const mesh = await simulate({ seed: `busy ${nodes}`, nodes })
  await allSeeAll(mesh)
  await mesh.run(2_000)
  return mesh
}

describe.each([3, 5, 8])('in a mesh of %i', nodes => {
  // With 0.9 of eight nodes it took more than a minute: each stall made them begin anew with what they were about to find.
  test.each([0.5, 0.8, 0.9])(
    'all of which are held up for %d of the time, one that falls silent is out in ten seconds',
    async share => {
      await using mesh = await formed(nodes)
      const others = mesh.ids.filter(id => id !== 'n2')
      const busy = new Busy(mesh, others, share)
      await busy.pass(20_000)
      mesh.freeze('n2')
      expect(await busy.untilDead('n2', others)).toBeLessThan(10_000)
    },
  )

  test('one of which is held up for 0.9 of the time, it hears of one that falls silent as soon as the others', async () => {
    await using mesh = await formed(nodes)
    const busy = new Busy(mesh, ['n1'], 0.9)
    await busy.pass(20_000)
    mesh.freeze('n2')
    expect(await busy.untilDead('n2', ['n1', 'n3'])).toBeLessThan(5_000)
  })

  test('all of which are held up for 0.9 of the time, nobody dies of it in a minute', async () => {
    await using mesh = await formed(nodes)
    let dead = 0
    for (const id of mesh.ids) mesh.node(id).on('member:dead', () => (dead += 1))
    await new Busy(mesh, mesh.ids, 0.9).pass(60_000)
    expect(dead).toBe(0)
  })
})

test('in a mesh of two, one that is degraded buries the silent other one within 15 s after it is well', async () => {
  await using mesh = await formed(2)
  let degraded = 0
  mesh.node('n1').on('node:degraded', () => (degraded += 1))
  mesh.freeze('n2')
  for (let times = 0; times < 200; times++) {
    mesh.freeze('n1')
    await mesh.run(270)
    mesh.thaw('n1')
    await mesh.run(30)
  }
  // Nobody else is there to find it, and it does not trust itself.
  expect(degraded).toBe(1)
  expect(statusAt(mesh, 'n1', 'n2')).not.toBe('dead')
  await mesh.until('n2 is dead', () => statusAt(mesh, 'n1', 'n2') === 'dead', 15_000)
})
