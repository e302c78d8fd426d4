/** Where a node places what it knows of, as the rows of members and specs say. */

import { expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { Places } from '../../src/node/places.ts'
import type { MemberRow } from '../../src/protocol/member-row.ts'
import type { SpecRow } from '../../src/protocol/spec-row.ts'
import { STANDALONE } from './supervision/core-bench.ts'

const ID = specId('w')
const SLOT = slotId(ID)
const ROW: SpecRow = {
  id: ID,
  version: { ms: 1, count: 0, node: nodeId('n1') },
  desired: 'running',
  body: STANDALONE,
}

const memberRow = (id: string, more: Partial<MemberRow> = {}): MemberRow => ({
  id: nodeId(id),
  boot: 1,
  seq: 1,
  status: 'alive',
  name: id,
  addresses: [],
  role: 'member',
  weight: 1,
  labels: {},
  behaviours: ['b@1'],
  protocol: { min: 1, max: 1 },
  ...more,
})

test('who could run something, and does not take it, is said where nobody does', () => {
  const places = new Places()
  places.followSpec(ROW, undefined)
  places.followMember(memberRow('n1', { isDraining: true }))
  places.followMember(memberRow('n5', { status: 'leaving', name: 'the second' }))
  places.followMember(memberRow('n2', { declines: [SLOT] }))
  places.followMember(memberRow('n3', { behaviours: [] }))
  places.followMember(memberRow('n4', { status: 'dead' }))
  expect(places.ownerOf(SLOT)).toBeUndefined()
  expect(places.shortage(ROW, new Set([SLOT]))).toBe(
    'no live node takes it that has all of b@1: 2 are emptied or about to leave (n1, the second), 1 could not start it, and declines it for now (n2)',
  )
})

test('a decline holds as long as it is in the row of a member that takes part', () => {
  const places = new Places()
  places.followSpec(ROW, undefined)
  for (const id of ['n1', 'n2']) places.followMember(memberRow(id))
  const owner = places.ownerOf(SLOT) ?? ''
  const [other = ''] = ['n1', 'n2'].filter(id => id !== owner)
  places.takeMoved()
  const hash = places.viewHash()
  places.followMember(memberRow(owner, { declines: [SLOT] }))
  expect(places.ownerOf(SLOT)).toBe(other)
  expect(places.takeMoved()).toEqual([ID])
  expect(places.viewHash()).not.toBe(hash)
  expect(places.isDeclined(SLOT)).toBe(true)
  expect([owner, other].map(id => places.hasOther(SLOT, id))).toEqual([true, false])
  places.followMember(memberRow(owner, { declines: [SLOT], status: 'dead' }))
  expect(places.isDeclined(SLOT)).toBe(false)
  // Its next run has declined nothing.
  places.followMember(memberRow(owner, { boot: 2 }))
  expect(places.ownerOf(SLOT)).toBe(owner)
  expect(places.viewHash()).toBe(hash)
})
