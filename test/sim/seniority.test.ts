/** Two that have not known of each other run the same, and meet: the one goes on that has more to lose. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/index.ts'
import { checkConfig } from '../../src/node/config.ts'
import { declareConfig } from '../../src/node/start-config.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** Stays where it is: what starts again has lost its state. */
const holder = defineServer('holder', {
  init: () => ({ total: 0 }),
  call: { add: (state, by: number) => (state.total += by), get: state => state.total },
})
/** Takes its state along. */
const keeper = defineServer('keeper', {
  init: context => ({ total: typeof context.handoff === 'number' ? context.handoff : 0 }),
  call: { add: (state, by: number) => (state.total += by), get: state => state.total },
  handoff: state => state.total,
})
const behaviours = [holder, keeper]

const COUNT = 12
const SEEDS = [1, 2, 3]
const NUMBERS = Array.from({ length: COUNT }, (_, index) => index)
type Members = readonly { readonly id: string; readonly run: typeof holder }[]

const config = checkConfig({
  workers: NUMBERS.map(index => ({ id: `w${index}`, run: holder, rebalance: 'passive' })),
  groups: NUMBERS.map(index => ({
    id: `g${index}`,
    members: ['a', 'b'].map(id => ({ id, run: holder })),
  })),
})

const declare = async (mesh: SimulatedMesh, name: string): Promise<void> => {
  const { failed } = await mesh.settle(declareConfig(mesh.node(name), config))
  expect(failed).toEqual([])
}

const workersAt = (mesh: SimulatedMesh, name: string) => {
  const node = mesh.node(name)
  return NUMBERS.flatMap(index => [
    node.getWorker(`w${index}`, holder),
    node.getGroup<Members>(`g${index}`).member('a'),
    node.getGroup<Members>(`g${index}`).member('b'),
  ])
}

/** `names` have run the config for a while; `late` starts it too, and does not find them. */
async function apart(
  seed: number,
  names: readonly string[],
  late: readonly string[],
): Promise<SimulatedMesh> {
  const mesh = await simulate({ seed, nodes: [...names, ...late], behaviours })
  for (const name of late) mesh.crash(name)
  const areLeft = (): boolean => names.every(name => mesh.node(name).members().length === names.length)
  await mesh.until('the others are left', areLeft)
  for (const name of names) await declare(mesh, name)
  const [first = ''] = names
  for (const worker of workersAt(mesh, first)) await mesh.settle(worker.call.add(10))
  await mesh.run(20_000)
  mesh.partition(names, late)
  for (const name of late) await mesh.start(name)
  const haveMet = (): boolean => late.every(name => mesh.node(name).members().length === late.length)
  await mesh.until('the late ones have met', haveMet)
  for (const name of late) await declare(mesh, name)
  return mesh
}

/** They meet, and all of the older ones go on, with what they had. */
async function meet(mesh: SimulatedMesh): Promise<void> {
  mesh.heal()
  await allSeeAll(mesh)
  await mesh.run(20_000)
  for (const name of mesh.ids) {
    const totals = await mesh.settle(Promise.all(workersAt(mesh, name).map(worker => worker.call.get())))
    expect(totals).toEqual(totals.map(() => 10))
  }
}

test.each([
  { names: ['n1', 'n2', 'n3'], late: ['n4'] },
  { names: ['n1'], late: ['n2'] },
  { names: ['n1'], late: ['n2', 'n3', 'n4'] },
])('what runs loses nothing to $late, which had to start the same: $names', async ({ names, late }) => {
  for (const seed of SEEDS) {
    await using mesh = await apart(seed, names, late)
    await meet(mesh)
  }
})

test.each([['n1'], ['n1', 'n2']])(
  'what has run longer goes on, also where the others have moved and restarted theirs: %s, %s',
  async (...names) => {
    for (const seed of SEEDS) {
      await using mesh = await apart(seed, names, ['n3', 'n4'])
      const n3 = mesh.node('n3')
      // Each of these is a later generation of what has begun later.
      await mesh.settle(n3.drain())
      n3.resume()
      await mesh.settle(mesh.node('n4').drain())
      mesh.node('n4').resume()
      expect(n3.snapshot().specs.flatMap(({ workers }) => workers.map(each => each.generation))).toContain(2)
      await meet(mesh)
    }
  },
)

test.each(SEEDS)(
  'what a node has handed over goes on where it is, also where others have begun it anew: seed %i',
  async seed => {
    await using mesh = await simulate({ seed, nodes: 3, behaviours })
    await allSeeAll(mesh)
    const n2 = mesh.node('n2')
    const ids = NUMBERS.map(index => `k${index}`)
    for (const id of ids) {
      await mesh.settle(n2.addWorker({ id, run: keeper }))
      await mesh.settle(n2.getWorker(id, keeper).call.add(10))
    }
    const homes = new Map(n2.snapshot().specs.map(({ id, workers }) => [String(id), workers[0]?.node]))
    const moving = ids.filter(id => homes.get(id) === 'n1')
    expect(moving.length).toBeGreaterThan(1)
    mesh.partition(['n1', 'n2'], ['n3'])
    await mesh.settle(mesh.leave('n1'))
    const isAlone = (): boolean => mesh.node('n3').members().length === 1
    await mesh.until('n3 has given up the others', isAlone)
    await mesh.run(5_000)
    mesh.heal()
    await allSeeAll(mesh)
    await mesh.run(20_000)
    const totals = await mesh.settle(
      Promise.all(moving.map(id => mesh.node('n2').getWorker(id, keeper).call.get())),
    )
    expect(totals).toEqual(moving.map(() => 10))
  },
)

test.each([
  { names: ['n1', 'n2', 'n3'], late: ['n4'] },
  { names: ['n1'], late: ['n2', 'n3'] },
])('what users have stopped, removed and changed stays so when $late come late: $names', async given => {
  const { names, late } = given
  await using mesh = await simulate({ seed: 5, nodes: [...names, ...late], behaviours })
  for (const name of late) mesh.crash(name)
  await mesh.until('the others are left', () =>
    names.every(name => mesh.node(name).members().length === names.length),
  )
  const [first = ''] = names
  await declare(mesh, first)
  const node = mesh.node(first)
  await mesh.settle(node.stopWorker('w0'))
  await mesh.settle(node.removeWorker('w1'))
  await mesh.settle(node.stopGroup('g0'))
  await mesh.settle(node.getGroup<Members>('g1').removeMember('b'))
  await mesh.settle(node.restartGroup('g2'))
  await mesh.settle(memberAt(mesh, first, 'g2').call.add(10))
  await mesh.settle(node.restartWorker('w2'))
  await mesh.settle(node.getWorker('w2', holder).call.add(10))
  mesh.partition(names, late)
  for (const name of late) await mesh.start(name)
  await mesh.until('the late ones have met', () =>
    late.every(name => mesh.node(name).members().length === late.length),
  )
  for (const name of late) await declare(mesh, name)
  const started: string[] = []
  for (const name of names) mesh.node(name).on('worker:start', ({ slot }) => started.push(slot))
  const told: string[] = []
  for (const name of late) mesh.node(name).on('spec:superseded', ({ id }) => told.push(id))
  mesh.heal()
  await allSeeAll(mesh)
  await mesh.run(20_000)
  for (const name of mesh.ids) {
    const { specs } = mesh.node(name).snapshot()
    const statusOf = (id: string) => specs.find(each => each.id === id)?.status.kind
    expect([name, ...['w0', 'w1', 'g0', 'g1', 'g2'].map(statusOf)]).toEqual([
      name,
      'stopped',
      undefined,
      'stopped',
      'running',
      'running',
    ])
    expect(mesh.node(name).getGroup<Members>('g1').members()).toHaveLength(1)
    expect(await mesh.settle(memberAt(mesh, name, 'g2').call.get())).toBe(10)
    expect(await mesh.settle(mesh.node(name).getWorker('w2', holder).call.get())).toBe(10)
  }
  expect(started.filter(slot => /^(w0|w1|w2|g0|g1|g2)\b/.test(slot))).toEqual([])
  // Groups are as the late ones have declared them, with what was done to them: nothing of that was overtaken.
  expect([...new Set(told)].toSorted()).toEqual(['w0', 'w2'])
})

const memberAt = (mesh: SimulatedMesh, name: string, group: string) =>
  mesh.node(name).getGroup<Members>(group).member('a')
