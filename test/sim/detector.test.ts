/**
 * How soon the dead are noticed, and that nobody else is taken for dead: whole meshes, on virtual time. The figures are
 * those that the design asks for; the same is measured with real processes in `test/e2e` and `bench`.
 */

import { describe, expect, test } from 'vitest'

import type { MemberStatus } from '../../src/protocol/member-row.ts'
import { Prng } from '../../src/prng.ts'
import { type SimulatedMesh, type SimulationInit, simulate } from '../../src/testing.ts'

/** A mesh in which all see all. */
async function formed(init: SimulationInit): Promise<SimulatedMesh> {
  const mesh = await simulate(init)
  await mesh.until('all see all', () => mesh.ids.every(id => statusesAt(mesh, id).length === mesh.ids.length))
  await mesh.run(2_000)
  return mesh
}

function statusesAt(mesh: SimulatedMesh, id: string): MemberStatus[] {
  return mesh
    .node(id)
    .members()
    .map(member => member.status)
}

function statusAt(mesh: SimulatedMesh, id: string, of: string): MemberStatus | undefined {
  const { members } = mesh.node(id).inspect().core.ledger.tables
  return members.get(of)?.status
}

/** @returns how long it took until `of` had that status for all other nodes that are awake */
async function untilAll(mesh: SimulatedMesh, of: string, status: MemberStatus): Promise<number> {
  const startMs = mesh.nowMs
  const others = mesh.awake.filter(id => id !== of)
  await mesh.until(`${of} is ${status} for all`, () => others.every(id => statusAt(mesh, id, of) === status))
  return mesh.nowMs - startMs
}

/** Counts what the nodes say of each other. */
function listen(mesh: SimulatedMesh): { suspected: number; dead: number; degraded: number } {
  const heard = { suspected: 0, dead: 0, degraded: 0 }
  for (const id of mesh.ids) {
    mesh.node(id).on('member:suspect', () => (heard.suspected += 1))
    mesh.node(id).on('member:dead', () => (heard.dead += 1))
    mesh.node(id).on('node:degraded', () => (heard.degraded += 1))
  }
  return heard
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

describe.each([2, 3, 5, 10])('in a mesh of %i', nodes => {
  test('a killed process is noticed by all, in 0.8 s by half of the times and in 2 s by all', async () => {
    const took: number[] = []
    for (let seed = 1; seed <= 8; seed++) {
      await using mesh = await formed({ seed, nodes })
      await mesh.run(seed * 137)
      mesh.crash('n2')
      took.push(await untilAll(mesh, 'n2', 'dead'))
    }
    expect(median(took)).toBeLessThan(800)
    expect(Math.max(...took)).toBeLessThan(2_000)
  })

  test('a frozen process is out within three seconds, and back at once', async () => {
    const took: number[] = []
    for (let seed = 1; seed <= 8; seed++) {
      await using mesh = await formed({ seed, nodes })
      await mesh.run(seed * 137)
      mesh.freeze('n2')
      took.push(await untilAll(mesh, 'n2', 'dead'))
      await mesh.run(5_000)
      mesh.thaw('n2')
      expect(await untilAll(mesh, 'n2', 'alive')).toBeLessThan(5_000)
      expect(statusesAt(mesh, 'n2')).toEqual(Array.from({ length: nodes }, () => 'alive'))
    }
    expect(median(took)).toBeLessThan(3_000)
    expect(Math.max(...took)).toBeLessThan(3_000)
  })
})

// It took 1.7 s where it had dialled a survivor with a larger id. That one waits for a moment before it dials; when the
// other survivor accused it meanwhile, it was taken for one that was only told of, and dialled seconds later.
test.each(['n1', 'n2', 'n3'])(
  'in a mesh of three, %s is noticed in half a second, though it has met both others by itself',
  async killed => {
    // Those two are dead by then: who knows of few dials all of them at once.
    const dead = ['n4', 'n5']
    const nodes = ['n1', 'n2', 'n3', ...dead]
    const seedsOf = Object.fromEntries(
      nodes.map(id => [id, nodes.filter(other => other !== id && other !== killed)]),
    )
    for (let seed = 1; seed <= 8; seed++) {
      await using mesh = await formed({ seed, nodes, seedsOf })
      for (const id of dead) {
        mesh.crash(id)
        await untilAll(mesh, id, 'dead')
      }
      await mesh.run(seed * 137)
      mesh.crash(killed)
      expect(await untilAll(mesh, killed, 'dead'), `seed ${seed}`).toBeLessThan(500)
    }
  },
)

describe('of several processes that are killed at once, the ones that are left are told', () => {
  test.each([
    [2, 3],
    [3, 4],
    [4, 5],
    [3, 5],
    [9, 10],
  ])('%i of %i: within a second', async (killed, nodes) => {
    for (let seed = 1; seed <= 8; seed++) {
      await using mesh = await formed({ seed, nodes })
      await mesh.run(seed * 137)
      const dead = mesh.ids.slice(-killed)
      for (const id of dead) mesh.crash(id)
      const startMs = mesh.nowMs
      for (const id of dead) await untilAll(mesh, id, 'dead')
      expect(mesh.nowMs - startMs, `seed ${seed}`).toBeLessThan(1_000)
    }
  })

  test('the hub of a star: within 1.5 s, and of the other leaves, whom they have never met, none is dead with it', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      await using mesh = await simulate({ seed, nodes: 5 })
      const leaves = mesh.ids.filter(id => id !== 'n3')
      const pairs = leaves.flatMap((id, index) => leaves.slice(index + 1).map(other => [id, other] as const))
      for (const [id, other] of pairs) mesh.cut(id, other)
      await mesh.run(20_000 + seed * 137)
      for (const id of mesh.ids) expect(statusesAt(mesh, id)).toEqual(mesh.ids.map(() => 'alive'))
      mesh.crash('n3')
      // One that dials leaves that it cannot reach when the hub is killed has to wait for a free place first.
      expect(await untilAll(mesh, 'n3', 'dead'), `seed ${seed}`).toBeLessThan(1_500)
      for (const [id, other] of pairs) expect(statusAt(mesh, id, other)).not.toBe('dead')
    }
  })
})

// It accused nobody as long as that went on: for ever.
test.each([
  [150, 5],
  [250, 2],
  [400, 10],
])(
  'a process that is killed is noticed by the only other one, though that is held up for %i of each %i ms more',
  async (heldMs, freeMs) => {
    await using mesh = await formed({ nodes: 2 })
    const holdUp = async (): Promise<void> => {
      mesh.freeze('n1')
      await mesh.run(heldMs)
      mesh.thaw('n1')
      await mesh.run(freeMs)
    }
    for (let times = 0; times < 20; times++) await holdUp()
    expect(statusAt(mesh, 'n1', 'n2')).toBe('alive')
    mesh.crash('n2')
    const startMs = mesh.nowMs
    while (statusAt(mesh, 'n1', 'n2') !== 'dead' && mesh.nowMs - startMs < 20_000) await holdUp()
    expect(mesh.nowMs - startMs).toBeLessThan(2_000)
  },
)

describe('a process that is killed right after another one has stood still is noticed by that one', () => {
  test('in a mesh of two, though its port refuses before the other one may judge', async () => {
    await using mesh = await formed({ nodes: 2 })
    mesh.freeze('n1')
    await mesh.run(1_500)
    mesh.thaw('n1')
    await mesh.run(20)
    mesh.crash('n2')
    expect(await untilAll(mesh, 'n2', 'dead')).toBeLessThan(3_000)
  })

  // Seed 36377: both took it for alive for another fifteen seconds, and its members of groups for running.
  test('in a mesh of three, where the third one has never met its new run', async () => {
    await using mesh = await formed({ nodes: 3 })
    mesh.cut('n2', 'n3')
    mesh.freeze('n1')
    await mesh.run(500)
    mesh.crash('n2')
    await mesh.start('n2')
    await mesh.run(4_000)
    mesh.thaw('n1')
    const { boot } = mesh.node('n2').inspect().core.self
    const { members } = mesh.node('n3').inspect().core.ledger.tables
    await mesh.until('n3 has heard of it', () => members.get('n2')?.boot === boot)
    expect(statusAt(mesh, 'n1', 'n2')).toBe('alive')
    mesh.crash('n2')
    mesh.heal()
    expect(await untilAll(mesh, 'n2', 'dead')).toBeLessThan(5_000)
  })
})

test('a patient profile takes longer, in proportion', async () => {
  await using mesh = await formed({ nodes: 3, profile: 'edge' })
  mesh.freeze('n2')
  const edgeMs = await untilAll(mesh, 'n2', 'dead')
  expect(edgeMs).toBeGreaterThan(4_000)
  expect(edgeMs).toBeLessThan(7_000)
})

describe('nobody is called dead', () => {
  test('I8: in ten quiet minutes, and nobody even suspect', async () => {
    await using mesh = await formed({ nodes: 5, conditions: { latencyMs: 2, jitterMs: 40, hintLoss: 0.01 } })
    const heard = listen(mesh)
    await mesh.run(600_000)
    expect(heard).toEqual({ suspected: 0, dead: 0, degraded: 0 })
  })

  test('I8: in ten minutes in which packets are lost and processes are held up for a moment', async () => {
    const conditions = { latencyMs: 2, jitterMs: 40, hintLoss: 0.01, packetLoss: 0.01 }
    for (const nodes of [3, 5, 10]) {
      await using mesh = await formed({ nodes, conditions })
      const heard = listen(mesh)
      const prng = new Prng(`calm ${nodes}`)
      for (const endMs = mesh.nowMs + 600_000; mesh.nowMs < endMs;) {
        const id = prng.pick(mesh.ids)
        mesh.freeze(id)
        await mesh.run(prng.between(1, 50))
        mesh.thaw(id)
        await mesh.run(prng.between(0, 2_000 / nodes))
      }
      expect([nodes, heard.dead]).toEqual([nodes, 0])
    }
  })

  test.each(['n1', 'n3'])('when %s gets a tenth of the processor for a minute', async busy => {
    await using mesh = await formed({ nodes: 5, seed: busy })
    const heard = listen(mesh)
    const prng = new Prng('busy')
    for (const endMs = mesh.nowMs + 60_000; mesh.nowMs < endMs;) {
      mesh.freeze(busy)
      await mesh.run(prng.between(450, 900))
      mesh.thaw(busy)
      await mesh.run(prng.between(50, 100))
    }
    // With 50 to 350 ms nobody did, and it showed nothing.
    expect(heard.suspected).toBeGreaterThan(0)
    await mesh.run(5_000)
    expect(heard.dead).toBe(0)
    for (const id of mesh.ids) expect(statusesAt(mesh, id)).toEqual(mesh.ids.map(() => 'alive'))
  })

  test('when another process each few seconds stands still for almost two', async () => {
    await using mesh = await formed({ nodes: 6 })
    const heard = listen(mesh)
    const prng = new Prng('naps')
    for (let times = 0; times < 40; times++) {
      const id = prng.pick(mesh.ids)
      mesh.freeze(id)
      await mesh.run(1_900)
      mesh.thaw(id, times % 2 === 0 ? 'stopped' : 'asleep')
      await mesh.run(prng.between(1_000, 5_000))
    }
    expect(heard.dead).toBe(0)
  })

  // docs/mesh.md: how long an event loop may be held up. Without a word of it in between: a verdict would be final.
  test.each([
    ['lan', 2_000],
    ['edge', 4_000],
    ['wan', 12_000],
  ] as const)(
    'when one stands still (%s) for %i ms, whenever that begins, in whichever mesh',
    async (profile, stillMs) => {
      for (const nodes of [2, 3, 4, 5, 10]) {
        await using mesh = await formed({ nodes, profile, seed: `${profile} ${nodes}` })
        const heard = listen(mesh)
        const prng = new Prng('still')
        for (let times = 0; times < 25; times++) {
          const id = prng.pick(mesh.ids)
          mesh.freeze(id)
          await mesh.run(stillMs)
          mesh.thaw(id)
          await mesh.run(prng.between(0.5, 1.5) * stillMs)
        }
        expect([nodes, heard.dead]).toEqual([nodes, 0])
        // It was noticed, all right.
        expect(heard.suspected).toBeGreaterThan(10)
      }
    },
  )

  test('when two nodes cannot reach each other but all others can reach both', async () => {
    await using mesh = await formed({ nodes: 5 })
    const heard = listen(mesh)
    mesh.cut('n1', 'n2')
    await mesh.run(120_000)
    expect(heard.dead).toBe(0)
    // Not again and again: what others hear counts from the beginning.
    expect(heard.suspected).toBeLessThanOrEqual(5)
    expect([statusAt(mesh, 'n1', 'n2'), statusAt(mesh, 'n2', 'n1')]).toEqual(['alive', 'alive'])
    expect(mesh.node('n1').inspect().core.ledger.membership.isConnected(mesh.node('n2').id)).toBe(false)
  })

  test('when each node reaches only its neighbours in a ring', async () => {
    await using mesh = await formed({ nodes: 5 })
    for (const [a, b] of [
      ['n1', 'n3'],
      ['n1', 'n4'],
      ['n2', 'n4'],
      ['n2', 'n5'],
      ['n3', 'n5'],
    ] as const) {
      mesh.cut(a, b)
    }
    const heard = listen(mesh)
    await mesh.run(60_000)
    expect(heard.dead).toBe(0)
    for (const id of mesh.ids) expect(statusesAt(mesh, id)).toEqual(mesh.ids.map(() => 'alive'))
  })

  test('when one direction between two nodes is cut', async () => {
    await using mesh = await formed({ nodes: 4 })
    const heard = listen(mesh)
    mesh.cutOneWay('n1', 'n2')
    await mesh.run(60_000)
    mesh.heal()
    await mesh.run(10_000)
    expect(heard.dead).toBe(0)
    for (const id of mesh.ids) expect(statusesAt(mesh, id)).toEqual(mesh.ids.map(() => 'alive'))
  })
})

describe('a node whose wall clock is wrong', () => {
  test('and behind when it starts again, is a new run all the same, and lives', async () => {
    await using mesh = await formed({ nodes: 3 })
    const before = mesh.node('n2').inspect().core.self.boot
    mesh.crash('n2')
    mesh.setClock('n2', -3_600_000)
    await mesh.start('n2')
    await mesh.run(5_000)
    expect(mesh.node('n2').inspect().core.self.boot).toBeGreaterThan(before)
    for (const id of mesh.ids) expect(statusesAt(mesh, id)).toEqual(['alive', 'alive', 'alive'])
  })

  // Seed 4000039: what it had taken for its number was less than that of its earlier run, so it stopped when it met
  // the others, as if somebody else had its key.
  test('and behind when it starts again where nobody hears it, is a later run when it meets the others', async () => {
    await using mesh = await formed({ nodes: 3 })
    const before = mesh.node('n2').inspect().core.self.boot
    mesh.crash('n2')
    mesh.setClock('n2', -3_600_000)
    mesh.partition(['n2'], ['n1', 'n3'])
    await mesh.start('n2')
    await mesh.run(5_000)
    expect(mesh.node('n2').inspect().core.self.status).toBe('alive')
    expect(mesh.node('n2').inspect().core.self.boot).toBeGreaterThan(before)
    mesh.heal()
    await mesh.run(10_000)
    for (const id of mesh.ids) expect(statusesAt(mesh, id)).toEqual(['alive', 'alive', 'alive'])
  })

  test('and leaps while it runs, stays what it is, and accuses nobody', async () => {
    await using mesh = await formed({ nodes: 3 })
    const heard = listen(mesh)
    for (const skewMs of [3_600_000, -3_600_000, 0]) {
      mesh.setClock('n2', skewMs)
      await mesh.run(10_000)
    }
    expect(heard).toEqual({ suspected: 0, dead: 0, degraded: 0 })
  })
})

test('everybody restarts at once, and all are new runs that see each other', async () => {
  await using mesh = await formed({ nodes: 5 })
  const boots = mesh.ids.map(id => mesh.node(id).inspect().core.self.boot)
  for (const id of mesh.ids) mesh.crash(id)
  await mesh.startAll()
  await mesh.until('all see all', () => mesh.ids.every(id => statusesAt(mesh, id).length === 5), 5_000)
  for (const [index, id] of mesh.ids.entries())
    expect(mesh.node(id).inspect().core.self.boot).toBeGreaterThan(boots[index] ?? 0)
})
