/** What is too large for gossip, which keeps and repeats what it carries. */

import { expect, test } from 'vitest'

import { HINT_BYTES_MAX } from '../../src/protocol/limits.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { listener } from './behaviours.ts'

const memberOf = <Id extends string>(id: Id) => ({ id, run: listener, args: [] as const })
const two = [memberOf('m0'), memberOf('m1')] as const

/** `count` members on two nodes, and the topics of what goes by gossip. */
async function withGroup(count: number, hints: string[]): Promise<SimulatedMesh> {
  const onTrace = (line: string): void => {
    const topic = / hint \S+ (\S+)/.exec(line)?.[1]
    if (topic !== undefined) hints.push(topic)
  }
  const mesh = await simulate({ nodes: 2, behaviours: [listener], onTrace })
  await mesh.settle(mesh.node('n1').formed(2))
  const members = Array.from({ length: count }, (_, n) => memberOf(`m${n}`))
  await mesh.settle(mesh.node('n1').addGroup({ id: 'line', members }))
  return mesh
}

test('a broadcast that is too large for gossip is sent directly only', async () => {
  const hints: string[] = []
  await using mesh = await withGroup(2, hints)
  const group = mesh.node('n1').getGroup<typeof two>('line')
  group.broadcast('x')
  await mesh.run(100)
  expect(hints).toEqual(['broadcast'])
  group.broadcast('x'.repeat(HINT_BYTES_MAX))
  await mesh.run(100)
  expect(hints).toEqual(['broadcast'])
  for (const { id } of two) {
    const heard = await mesh.settle(group.member(id).call.heard())
    expect(heard.map(text => String(text).length)).toEqual([1, HINT_BYTES_MAX])
  }
})

test.each([
  [2, ['rows']],
  [400, []],
])('a crash in a group of %i goes by gossip as %j', async (count, wanted) => {
  const hints: string[] = []
  await using mesh = await withGroup(count, hints)
  const group = mesh.node('n1').getGroup<typeof two>('line')
  await expect(mesh.settle(group.member('m0').call.crash())).rejects.toThrow('told to crash')
  await mesh.run(100)
  expect([...new Set(hints)]).toEqual(wanted)
})
