/** Two nodes that leave, one right after the other, as in an update of all of them: what one has given the other goes on. */

import { describe, expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { keeper } from './behaviours.ts'

/** Its node stays for as long as it may take to stop. */
const lingerer = defineServer('lingerer', {
  init: () => ({}),
  terminate: () => new Promise<void>(() => {}),
})

const LINGER_MS = 20_000

/** Each step of a move takes about a millisecond here. */
const MOMENTS = Array.from({ length: 16 }, (_, index) => index * 0.5)

/** With more than three nodes, others are there that are not to have the worker next. */
const CASES = [
  ...MOMENTS.map(moment => ({ nodes: 3, count: 12, moment })),
  ...[2, 3, 4].map(moment => ({ nodes: 6, count: 100, moment })),
]

const NAME = 'of $nodes nodes, an heir that leaves $moment ms into a move, and takes long, costs no state'

test.each(CASES)(NAME, async ({ nodes, count, moment }) => {
  const labels = { slow: 'yes' }
  const seed = nodes === 3 ? `heir ${moment}` : `others ${moment}`
  const init = { nodes, behaviours: [keeper, lingerer], seed, labelsOf: { n2: labels } }
  await using mesh = new SimulatedMesh(init)
  await mesh.startAll()
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const ids = Array.from({ length: count }, (_, index) => `k${index}`)
  await mesh.settle(Promise.all(ids.map(id => node.addWorker({ id, run: keeper, args: [0] }))))
  const slow = { id: 'slow', run: lingerer, stopTimeoutMs: LINGER_MS, placement: { labels } }
  await mesh.settle(node.addWorker(slow))
  for (const [index, id] of ids.entries()) await mesh.settle(node.getWorker(id, keeper).call.add(index + 100))
  const leaving = mesh.leave('n1')
  await mesh.run(moment)
  const leavingToo = mesh.leave('n2')
  await mesh.settle(leaving)
  for (const [index, id] of ids.entries()) {
    const worker = mesh.node('n3').getWorker(id, keeper).with({ timeoutMs: LINGER_MS })
    expect(await mesh.settle(worker.call.get())).toBe(index + 100)
  }
  await mesh.settle(leavingToo, 2 * LINGER_MS)
})

/** Of a group each step is a row that goes to all. */
const GROUP_MOMENTS = Array.from({ length: 24 }, (_, index) => index * 0.5)

describe.each(['dies', 'leaves'] as const)('an heir of members of a group that %s', how => {
  test.each(GROUP_MOMENTS)('%d ms into a move costs no state of what it has not started', async moment => {
    const inits: string[] = []
    const member = defineServer('member', {
      init: ({ node, worker, handoff }, start: number) => {
        inits.push(`${worker} on ${node}`)
        return { total: typeof handoff === 'number' ? handoff : start }
      },
      call: { get: state => state.total, set: (state, to: number) => void (state.total = to) },
      handoff: state => state.total,
    })
    await using mesh = new SimulatedMesh({ nodes: 4, behaviours: [member], seed: `heirs ${how} ${moment}` })
    await mesh.startAll()
    await allSeeAll(mesh)
    const members = Array.from({ length: 12 }, (_, index) => ({
      id: `m${index}`,
      run: member,
      args: [0] as const,
    }))
    const group = await mesh.settle(mesh.node('n4').addGroup({ id: 'g', strategy: 'one_for_one', members }))
    for (const [index, { id }] of members.entries()) await mesh.settle(group.member(id).call.set(index + 100))
    const before = inits.splice(0)
    const leaving = mesh.leave('n1')
    await mesh.run(moment)
    const isCrash = how === 'dies'
    const going = isCrash ? mesh.crash('n2') : mesh.leave('n2')
    // Its own went with it, and so did what it had started since.
    const gone = isCrash ? [...before, ...inits].filter(init => init.endsWith(' on n2')) : []
    await mesh.settle(leaving, 40_000)
    await mesh.settle(Promise.resolve(going), 40_000)
    for (const [index, { id }] of members.entries()) {
      if (gone.includes(`g/${id} on n2`)) continue
      const ref = group.member(id).with({ timeoutMs: LINGER_MS })
      expect(await mesh.settle(ref.call.get(), LINGER_MS), id).toBe(index + 100)
    }
  })
})

/** So long after a node began to come, others know of it, and not all of them. */
const NEWCOMER_MOMENTS = Array.from({ length: 7 }, (_, index) => 6.625 + index * 0.125)
const NEWCOMERS = [1, 5].flatMap(seed => NEWCOMER_MOMENTS.map(moment => ({ seed, moment })))

/** Of two who decide then, each makes a generation of one number: the one that is overruled may have been first. */
test.each(NEWCOMERS)(
  'who decides leaves $moment ms after another comes: no state is lost (seed $seed)',
  async init => {
    const { seed, moment } = init
    await using mesh = new SimulatedMesh({ nodes: 5, behaviours: [keeper], seed: `two ${seed}` })
    await mesh.startAll(['n1', 'n2', 'n3', 'n4'])
    await mesh.run(2_000)
    const members = Array.from({ length: 12 }, (_, n) => ({ id: `m${n}`, run: keeper, args: [0] as const }))
    const refs = []
    for (const id of ['g1', 'g2', 'g3', 'g4']) {
      await mesh.settle(mesh.node('n2').addGroup({ id, members }))
      const group = mesh.node('n1').getGroup<typeof members>(id)
      refs.push(...members.map(member => group.member(member.id)))
    }
    for (const ref of refs) await mesh.settle(ref.call.add(7))
    const coming = mesh.start('n5')
    await mesh.run(moment)
    await mesh.stop('n2')
    await coming
    await mesh.run(3_000)
    for (const ref of refs) expect(await mesh.settle(ref.call.get()), String(ref.id)).toBe(7)
  },
)
