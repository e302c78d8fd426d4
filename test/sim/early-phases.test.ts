/** A phase that was made for a version of the spec that is lost with all who had it. */

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
  await mesh.settle(group.addMember(near))
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
