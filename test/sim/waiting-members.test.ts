/**
 * A member that moves, or whose node is lost, and that no node can run just then: it waits for one that can, with what it
 * has left behind, also where siblings of it go on meanwhile. Under the strategy that takes nobody along.
 */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { LogBook } from '../log-book.ts'
import { allSeeAll } from './all-see-all.ts'

const LEAVE_MS = 40_000
/** Whether it is alone, or has siblings on the same nodes. */
const SIBLINGS = [0, 6]
const GPU = { gpu: 'yes' }
const BOTH = { ...GPU, duo: 'yes' }

/** Nodes on which `g` does not come up now: it fails, or hangs. */
const sick = new Map<string, 'fails' | 'fails once' | 'hangs'>()

const keeper = defineServer('keeper', {
  init: async context => {
    const trouble = context.worker === 'x/g' ? sick.get(context.node) : undefined
    if (trouble === 'fails once') sick.delete(context.node)
    if (trouble?.startsWith('fails') === true) throw new Error('the port is taken')
    if (trouble === 'hangs') await context.sleep(20_000)
    return { total: typeof context.handoff === 'number' ? context.handoff : 0 }
  },
  call: {
    add: (state, by: number) => (state.total += by),
    get: state => state.total,
    fail: (): void => {
      throw new Error('on purpose')
    },
  },
  handoff: state => state.total,
})

/** A group of which `g` needs a GPU, as n3 and n4 have and, later, n5; it has counted to 7. */
async function setUp(siblings: number) {
  sick.clear()
  const logger = new LogBook()
  const mesh = new SimulatedMesh({
    nodes: 5,
    behaviours: [keeper],
    logger,
    labelsOf: { n2: { duo: 'yes' }, n3: BOTH, n4: BOTH, n5: GPU },
    seed: 'waiting members',
  })
  await mesh.startAll(['n1', 'n2', 'n3', 'n4'])
  await allSeeAll(mesh)
  const members = [
    { id: 'g', run: keeper, placement: { labels: GPU } },
    ...Array.from({ length: siblings }, (_, index) => ({
      id: `m${index}`,
      run: keeper,
      placement: { labels: { duo: 'yes' } },
    })),
  ]
  const intensity = { restarts: 20, withinMs: 30_000 }
  const spec = { id: 'x', strategy: 'one_for_one', intensity, members } as const
  await mesh.settle(mesh.node('n1').addGroup(spec))
  await mesh.run(2_000)
  const ref = mesh.node('n1').getGroup<typeof members>('x').member('g')
  await mesh.settle(ref.call.add(7))
  const homesOf = (): Map<string, string> =>
    new Map(
      mesh
        .node('n1')
        .snapshot()
        .specs[0]?.workers.map(({ slot, node }) => [slot, node]),
    )
  const told = (): unknown[] => logger.lines.filter(({ message }) => message.includes('state of a worker'))
  return { mesh, ref, homesOf, told }
}

// The generation that placed its siblings had no place for it; the next one started it anew.
test.each(SIBLINGS)(
  'it goes on with its state on the node that has declined it, when the last other one leaves: %d siblings',
  async siblings => {
    const world = await setUp(siblings)
    const { ref, homesOf, told } = world
    await using mesh = world.mesh
    const first = homesOf().get('x/g') ?? ''
    sick.set(first, 'fails')
    await mesh.settle(ref.call.fail().catch(() => {}))
    const isElsewhere = (): boolean => ![undefined, first].includes(homesOf().get('x/g'))
    await mesh.until('it runs elsewhere', isElsewhere, 10_000)
    await mesh.settle(ref.call.add(7))
    sick.clear()
    await mesh.settle(mesh.leave(homesOf().get('x/g') ?? ''), LEAVE_MS)
    await mesh.until('it is back', () => homesOf().get('x/g') === first, 10_000)
    expect(await mesh.settle(ref.call.get())).toBe(7)
    expect(told()).toEqual([])
  },
)

test.each(SIBLINGS)(
  'it goes on with its state on a node that comes five seconds after its heir has died: %d siblings',
  async siblings => {
    const world = await setUp(siblings)
    const { ref, homesOf } = world
    await using mesh = world.mesh
    const owner = homesOf().get('x/g') ?? ''
    const heir = owner === 'n3' ? 'n4' : 'n3'
    sick.set(heir, 'hangs')
    const leaving = mesh.leave(owner)
    await mesh.run(1_500)
    mesh.crash(heir)
    await mesh.run(5_000)
    expect(mesh.node('n1').snapshot().specs[0]?.status.kind).toBe('pending')
    const names = Array.from({ length: siblings }, (_, index) => `m${index}`)
    expect([...homesOf().entries()]).toEqual(names.map(name => [`x/${name}`, 'n2']))
    await mesh.start('n5')
    await mesh.settle(leaving, LEAVE_MS)
    await mesh.until('it runs', () => homesOf().get('x/g') === 'n5', 10_000)
    expect(await mesh.settle(ref.call.get())).toBe(7)
  },
)

// It came back as one that had never started, so it stayed down for good after a single failure.
test.each(SIBLINGS.flatMap(siblings => (['crash', 'leave'] as const).map(way => ({ siblings, way }))))(
  'it is restarted as ever on the only node that can run it, when that is back: $way, $siblings siblings',
  async ({ siblings, way }) => {
    const world = await setUp(siblings)
    const { ref, homesOf } = world
    await using mesh = world.mesh
    const home = homesOf().get('x/g') ?? ''
    const other = home === 'n3' ? 'n4' : 'n3'
    mesh.crash(other)
    await mesh.run(5_000)
    if (way === 'crash') mesh.crash(home)
    else await mesh.settle(mesh.leave(home), LEAVE_MS)
    await mesh.run(8_000)
    sick.set(home, 'fails once')
    await mesh.start(home)
    await mesh.until('it runs', () => homesOf().get('x/g') === home, 20_000)
    expect(sick.size).toBe(0)
    expect(await mesh.settle(ref.call.get())).toBe(0)
  },
)
