/** Whom `formed` counts: those who have told what they know. */

import { beforeEach, expect, test } from 'vitest'

import { type NodeId, nodeId } from '../../src/ids.ts'
import type { Node } from '../../src/node/node.ts'
import { Outside } from './outside.ts'

const peer: NodeId = nodeId('peer')
let outside: Outside
let node: Node
let met: string[]

beforeEach(async () => {
  outside = new Outside()
  node = await outside.node()
  met = []
  node.on('member:met', ({ member }) => met.push(member.id))
})

async function formed(count: number): Promise<string> {
  const waiting = node.formed(count, { timeoutMs: 100 }).then(
    () => 'formed',
    (error: unknown) => String(error),
  )
  await outside.clock.run(200)
  return waiting
}

test('one that is there and tells nothing does not count, and holds it up for no longer than its own time', async () => {
  outside.join('peer')
  expect(node.members()).toHaveLength(2)
  expect(await formed(1)).toBe('formed')
  expect(await formed(2)).toBe(
    'FormationError: 1 of 2 nodes after 100 ms\n  peer: it is there, and has not told yet what it knows',
  )
  expect(met).toEqual([])
})

test('one that says that it knows no more than this node counts at once', async () => {
  outside.join('peer')
  const waiting = node.formed(2)
  const roots = { ...node.snapshot().roots, members: 'another' }
  outside.say(peer, { kind: 'digest', roots })
  await waiting
  expect(met).toEqual(['peer'])
})

test('one that knows more counts when it has told all of it', async () => {
  outside.join('peer')
  const roots = { ...node.snapshot().roots, specs: 'another', claims: 'another' }
  outside.say(peer, { kind: 'digest', roots })
  outside.say(peer, { kind: 'want', table: 'claims', buckets: [1] })
  expect(await formed(2)).toMatch(/^FormationError/)
  outside.say(peer, { kind: 'want', table: 'specs', buckets: [1] })
  expect(await formed(2)).toBe('formed')
  outside.say(peer, { kind: 'want', table: 'specs', buckets: [1] })
  expect(met).toEqual(['peer'])
})

test('where a session begins anew, it is to tell once more', async () => {
  outside.join('peer')
  outside.tell('peer', node)
  expect(await formed(2)).toBe('formed')
  outside.world.onPeerDown(peer, 'broken')
  outside.join('peer')
  expect(await formed(2)).toMatch(/^FormationError/)
  outside.tell('peer', node)
  expect(await formed(2)).toBe('formed')
  expect(met).toEqual(['peer', 'peer'])
})

test('one that is silent holds up nobody who waits for fewer', async () => {
  for (const name of ['peer', 'silent']) outside.join(name)
  outside.tell('peer', node)
  expect(await formed(2)).toBe('formed')
  expect(await formed(3)).toMatch('2 of 3 nodes after 100 ms\n  silent: it is there, and has not told')
})
