/** A phase that was made for a version of the spec that has not come: it is on its way, or lost with all who had it. */

import { expect, test } from 'vitest'

import { compareHlc } from '../../src/protocol/hlc.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { listener } from './behaviours.ts'

const members = ['a', 'b'].map(id => ({ id, run: listener, args: [] as const }))
const near = { id: 'c', run: listener, args: [] as const, placement: { labels: { here: 'yes' } } }

/** n2 has heard by gossip of a crash in a generation with a third member, of which it knows nothing, and is alone. */
async function alone(): Promise<SimulatedMesh> {
  const mesh = await simulate({ behaviours: [listener], labelsOf: { n3: { here: 'yes' } } })
  const isRunning = (): boolean => mesh.node('n2').findGroup('line')?.status.kind === 'running'
  await mesh.settle(mesh.node('n1').formed(3))
  const group = await mesh.settle(mesh.node('n3').addGroup({ id: 'line', members }))
  await mesh.until('n2 knows that it runs', isRunning)
  mesh.freeze('n2')
  for (const other of ['n1', 'n3']) mesh.cutOneWay(other, 'n2')
  await mesh.settle(group.addMember(near))
  // What was sent to it stays on a link that carries next to nothing: only gossip gets there from now on.
  mesh.setConditions({ bytesPerMs: 1e-6 })
  mesh.heal()
  group
    .member('c')
    .call.crash()
    .catch(() => {})
  await mesh.run(100)
  mesh.crash('n1')
  mesh.crash('n3')
  mesh.thaw('n2')
  await mesh.run(100)
  const { specs, phases } = mesh.node('n2').inspect().core.ledger.tables
  const [spec, phase] = [specs.get('line'), phases.get('line')]
  expect(spec !== undefined && phase !== undefined && compareHlc(spec.version, phase.specVersion) < 0).toBe(
    true,
  )
  return mesh
}

test('a group goes on as it is known, where nobody knows any more what its generation was made for', async () => {
  await using mesh = await alone()
  const group = mesh.node('n2').getGroup('line')
  await mesh.until('it runs', () => group.status.kind === 'running', 20_000)
  expect(group.members().map(({ id, workers }) => [id, workers[0]?.node])).toEqual([
    ['a', 'n2'],
    ['b', 'n2'],
  ])
})

/**
 * Alone on its side, n1 has got a member that only n2 can run, and has made more generations than the others. Then it
 * meets n2, but not n3: that one hears of what n2 runs from n2, and nobody has told it of the spec.
 */
test('who tells of a phase is asked for a spec that does not come, and what runs elsewhere now stops', async () => {
  await using mesh = await simulate({
    behaviours: [listener],
    labelsOf: { n2: { here: 'yes' } },
    // No comparison that is due anyway comes first.
    timings: { digestPeriodMs: 60_000 },
  })
  const rowsOf = (node: string) => {
    const { specs, phases } = mesh.node(node).inspect().core.ledger.tables
    const [spec, phase] = [specs.get('pair'), phases.get('pair')]
    if (spec === undefined || phase === undefined) throw new Error(`${node} does not know the group`)
    return { spec, phase }
  }
  await mesh.settle(mesh.node('n1').formed(3))
  await mesh.settle(mesh.node('n2').addGroup({ id: 'pair', strategy: 'one_for_one', members }))
  mesh.partition(['n1'], ['n2', 'n3'])
  const areAllOn = (node: string): boolean =>
    rowsOf(node).phase.layout.every(({ owner }) => owner.id === node)
  await mesh.until('n1 has all of it', () => areAllOn('n1'), 20_000)
  const group = mesh.node('n1').getGroup('pair')
  for (const id of ['a', 'b']) await mesh.settle(group.restartMember(id))
  const added = group.addMember(near)
  await mesh.run(1_000)
  const { supervisor } = mesh.node('n3').inspect().core
  expect(supervisor.size).toBeGreaterThan(0)

  mesh.mend('n1', 'n2')
  const hasOnlyPhase = (): boolean => {
    const { spec, phase } = rowsOf('n3')
    return compareHlc(spec.version, phase.specVersion) < 0
  }
  await mesh.until('n3 has heard of the phase', hasOnlyPhase, 20_000)
  await mesh.until('n3 has been told the spec', () => !hasOnlyPhase(), 500)
  await mesh.until('n3 runs nothing of it any more', () => supervisor.size === 0, 500)
  await mesh.settle(added)
  const [node, ...others] = ['n3', 'n1', 'n2'].map(id =>
    mesh
      .node(id)
      .getGroup('pair')
      .members()
      .map(member => `${member.id} on ${member.workers[0]?.node}`),
  )
  expect(node).toEqual(['a on n1', 'b on n1', 'c on n2'])
  expect(others).toEqual([node, node])
})
