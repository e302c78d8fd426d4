/** Two users who change one group at once, each without having heard of the other. */

import { expect, test } from 'vitest'

import { countOf } from '../../src/protocol/fencing-token.ts'
import { simulate } from '../../src/testing.ts'
import { listener } from './behaviours.ts'

const members = ['a', 'b', 'c', 'd'].map(id => ({ id, run: listener, args: [] as const }))
const NODES = ['n1', 'n2', 'n3', 'n4']

test('a member that is called stopped before it has started runs when it is wanted again', async () => {
  await using mesh = await simulate({ nodes: NODES, behaviours: [listener] })
  await mesh.settle(mesh.node('n1').formed(4))
  const line = { id: 'line', strategy: 'one_for_one', members } as const
  const { id } = await mesh.settle(mesh.node('n1').addGroup(line))
  await mesh.run(3_000)
  const { ledger } = mesh.node('n1').inspect().core
  const leader = NODES.find(node => mesh.node(node).inspect().core.ledger.isCoordinator(id)) ?? ''
  const placed = ledger.tables.phases.get(id)?.layout.find(({ owner }) => owner.id !== leader)
  const holder = placed?.owner.id ?? ''
  const member = placed?.slot.split('/')[1] ?? ''
  const [one = '', two = ''] = NODES.filter(node => node !== leader && node !== holder)
  const groupOf = (node: string) => mesh.node(node).getGroup<typeof members>(id)
  const revisionAt = (node: string): number | undefined => {
    const body = mesh.node(node).inspect().core.ledger.tables.specs.get(id)?.body
    return body?.kind === 'group' ? body.members.find(each => each.id === member)?.revision : undefined
  }
  const before = revisionAt(holder)

  mesh.cut(one, two)
  mesh.cutOneWay(leader, holder)
  groupOf(one)
    .restartMember(member)
    .catch(() => {})
  // The holder stops it, and does not hear of the generation in which it is to start.
  const phaseAt = (node: string) => mesh.node(node).inspect().core.ledger.tables.phases.get(id)
  const isNext = (node: string): boolean => countOf(phaseAt(node)?.generation.number ?? 0) === 2
  await mesh.until('there is a next generation', () => isNext(leader), 1_000)
  groupOf(two)
    .stopMember(member)
    .catch(() => {})
  await mesh.until('the first change is overtaken', () => revisionAt(holder) === before, 1_000)
  mesh.mend(leader, holder)
  const isCalledStopped = (): boolean =>
    isNext(holder) && phaseAt(holder)?.stopped.some(slot => slot === placed?.slot) === true
  await mesh.until('it is called stopped', isCalledStopped, 2_000)
  groupOf(one)
    .restartMember(member)
    .catch(() => {})
  mesh.mend(one, two)
  await mesh.run(10_000)
  expect(revisionAt(holder)).not.toBe(before)

  const group = mesh.node('n1').getGroup<typeof members>(id)
  expect(group.status.kind).toBe('running')
  expect(await mesh.settle(group.member(member).call.heard())).toEqual([])
})
