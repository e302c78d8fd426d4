/** A coordinator that wakes up before its link does: it makes no generation of what the others have gone on with. */

import { expect, test } from 'vitest'

import { type SpecId, specId } from '../../src/ids.ts'
import type { Node } from '../../src/node/node.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { counter } from './behaviours.ts'

const SLEEPER = 'n3'

const GROUP_IDS = Array.from({ length: 12 }, (_, index) => `g${index}`)
const MEMBER = { id: 'm', run: counter, args: [0] } as const
const group = (id: string) => ({ id, members: [MEMBER] }) as const
type Group = Awaited<ReturnType<typeof addTo>>

const addTo = (node: Node, id: string) => node.addGroup(group(id))

/** Those that the sleeper decides for, and runs. */
function ownedBySleeper(mesh: SimulatedMesh): Set<SpecId> {
  const { ledger } = mesh.node(SLEEPER).inspect().core
  const isOwn = (id: SpecId): boolean =>
    ledger.isCoordinator(id) && ledger.tables.phases.get(id)?.layout[0]?.owner.id === SLEEPER
  return new Set(GROUP_IDS.map(id => specId(id)).filter(isOwn))
}

/** Where it runs: the call is not to wait for another one. */
async function crash(mesh: SimulatedMesh, handle: Group): Promise<void> {
  const member = handle.getMember('m').with({ timeoutMs: 500 })
  void member.call.fail('told to').catch(() => undefined)
  await mesh.run(1_000)
}

// The others were at the second generation, and this one made the third: two at seed 1 began anew.
test.each([1, 2, 3])(
  'a coordinator that wakes before its link, and whose members crash, takes nothing: seed %i',
  async seed => {
    await using mesh = await simulate({ nodes: 3, seed, behaviours: [counter] })
    await allSeeAll(mesh)
    await mesh.run(3_000)
    const n1 = mesh.node('n1')
    const groups: Group[] = []
    for (const id of GROUP_IDS) groups.push(await mesh.settle(addTo(n1, id)))
    await mesh.run(3_000)
    const owned = ownedBySleeper(mesh)
    expect(owned.size).toBeGreaterThan(0)
    mesh.freeze(SLEEPER)
    mesh.partition(['n1', 'n2'], [SLEEPER])
    await mesh.run(600_000)
    for (const handle of groups) await mesh.settle(handle.getMember('m').call.add(1_000))
    mesh.thaw(SLEEPER, 'asleep')
    // Its clock stood still as well: that it has slept, it sees when it probes next.
    await mesh.run(600)
    for (const id of owned) {
      const handle = mesh.node(SLEEPER).getGroup<readonly [typeof MEMBER]>(id)
      for (let times = 0; times < 2; times++) await crash(mesh, handle)
    }
    mesh.heal()
    await allSeeAll(mesh)
    await mesh.run(10_000)
    const totals: number[] = []
    for (const handle of groups) totals.push(await mesh.settle(handle.getMember('m').call.get()))
    expect(totals).toEqual(GROUP_IDS.map(() => 1_000))
  },
)
