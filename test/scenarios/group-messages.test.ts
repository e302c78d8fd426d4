/** What is said to groups on one node, and who hears it: lines 37, 39, 46 and 47 of the behavioural scenarios. */

import { beforeEach, expect, test } from 'vitest'

import type { PartInfo } from '../../src/node/part-info.ts'
import { addCells, heard, listener, listeners, names, one, starts } from './group-workers.ts'

beforeEach(() => {
  heard.clear()
  starts.clear()
})

const generationsOf = (members: readonly PartInfo[]) =>
  members.map(({ id, workers }) => [id, workers[0]?.generation])

test('37: a call, a cast or a message to one member reaches it only; to one that there is not is an error', async () => {
  await using mesh = await one()
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members: listeners(3) }))
  await mesh.settle(mesh.node('n1').addGroup({ id: 'h', members: listeners(3) }))
  await mesh.settle(group.member('m1').call.ask('called'))
  group.member('m1').cast.tell('cast')
  group.member('m1').send('sent')
  await mesh.run(100)
  expect([...heard]).toEqual([['g/m1', ['called', 'cast', 'sent']]])
  const nobody = group.member('z')
  const missing = { name: 'NotFoundError', id: 'g/z' }
  await expect(mesh.settle(nobody.call.ask('x'))).rejects.toMatchObject(missing)
  expect(() => nobody.cast.tell('x')).toThrow(expect.objectContaining(missing))
  expect(() => nobody.send('x')).toThrow(expect.objectContaining(missing))
  expect(() => group.getMember('z')).toThrow(expect.objectContaining({ name: 'NotFoundError', id: 'z' }))
  expect(group.findMember('z')).toBeUndefined()
  await mesh.run(100)
  expect([...heard.keys()]).toEqual(['g/m1'])
})

test('39: a message to any member reaches exactly one, which runs; to a group without members is an error', async () => {
  await using mesh = await one()
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members: listeners(3) }))
  const first = { id: group.sendRandom(0), n: 0 }
  await mesh.run(100)
  expect([...heard]).toEqual([[`g/${first.id}`, [0]]])
  const more = Array.from({ length: 49 }, (_, n) => ({ id: group.sendRandom(n + 1), n: n + 1 }))
  const chosen = [first, ...more]
  await mesh.run(100)
  const meantFor = (id: string) => chosen.filter(each => each.id === id).map(({ n }) => n)
  for (const id of names(3)) {
    expect(heard.get(`g/${id}`)).toEqual(meantFor(id))
    // Even odds, fifty times: none is left out.
    expect(meantFor(id).length).toBeGreaterThan(5)
  }
  expect(heard.size).toBe(3)
  // One that does not run is never drawn.
  await mesh.settle(group.stopMember('m1'))
  heard.clear()
  const late = Array.from({ length: 50 }, () => group.sendRandom('late'))
  await mesh.run(100)
  expect(new Set(late)).toEqual(new Set(['m0', 'm2']))
  const heardOf = (id: string) => [`g/${id}`, late.filter(each => each === id).map(() => 'late')] as const
  expect(heard).toEqual(new Map([heardOf('m0'), heardOf('m2')]))
  heard.clear()
  for (const id of names(3)) await mesh.settle(group.removeMember(id))
  expect(group.status).toEqual({ kind: 'running' })
  expect(() => group.sendRandom('x')).toThrow(expect.objectContaining({ name: 'NoMemberError', id: 'g' }))
  expect(group.broadcast('x')).toBe(0)
  await mesh.run(100)
  expect(heard.size).toBe(0)
})

test('46: while members come and go, those that stay hear every broadcast once, in order, and answer afterwards', async () => {
  await using mesh = await one()
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members: listeners(10) }))
  const originals = generationsOf(group.members())
  const sent: string[] = []
  let reached = 0
  const broadcast = (text: string): void => {
    reached += group.broadcast(text)
    sent.push(text)
  }
  for (let round = 0; round < 20; round++) {
    const change = Promise.all([
      group.addMember({ id: `x${round}`, run: listener }),
      round === 0 ? undefined : group.removeMember(`x${round - 1}`),
    ])
    // While neither has happened; when the new one runs and the old one is gone.
    broadcast(`${round} during`)
    await mesh.settle(change)
    broadcast(`${round} after`)
  }
  await mesh.run(100)
  for (const id of names(10)) expect(heard.get(`g/${id}`)).toEqual(sent)
  // Of the others, each hears what was said in its time.
  for (let round = 0; round < 19; round++)
    expect(heard.get(`g/x${round}`)).toEqual([`${round} after`, `${round + 1} during`])
  // Whom a broadcast says that it has reached, it has.
  expect([...heard.values()].flat()).toHaveLength(reached)
  expect(generationsOf(group.members()).slice(0, 10)).toEqual(originals)
  expect(names(10).map(id => starts.get(`g/${id}`))).toEqual(names(10).map(() => 1))
  await mesh.settle(Promise.all(names(10).map(id => group.member(id).call.ask('still there?'))))
  for (const id of names(10)) expect(heard.get(`g/${id}`)?.at(-1)).toBe('still there?')
})

test('47: fifty groups of a hundred members, created and spoken to in parallel: each hears its own, once', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const ids = names(50, 'g')
  const groups = await mesh.settle(Promise.all(ids.map(id => node.addGroup({ id, members: listeners(100) }))))
  for (const group of groups) expect(group.broadcast(`to ${group.id}`)).toBe(100)
  for (const group of groups) group.member('m7').send(`to ${group.id}/m7`)
  await mesh.run(100)
  const wanted = ids.flatMap(id =>
    names(100).map(member => {
      const slot = `${id}/${member}`
      return [slot, member === 'm7' ? [`to ${id}`, `to ${slot}`] : [`to ${id}`]] as const
    }),
  )
  expect(heard).toEqual(new Map(wanted))
  for (const group of groups) expect(generationsOf(group.members())).toEqual(names(100).map(id => [id, 1]))
  expect([...starts.values()]).toEqual(wanted.map(() => 1))
})

test('47: the crash of one of many groups restarts its members, and nobody else', async () => {
  await using mesh = await one()
  const ids = names(50, 'g')
  const groups = await mesh.settle(Promise.all(ids.map(id => addCells(mesh, id, 4))))
  const crashed = groups[7]
  await mesh.settle(
    crashed
      ?.member('m2')
      .call.crash()
      .catch(() => {}) ?? Promise.resolve(),
  )
  await mesh.until('it runs again', () => crashed?.status.kind === 'running')
  await mesh.run(1_000)
  for (const group of groups) {
    const generation = group === crashed ? 2 : 1
    expect(generationsOf(group.members())).toEqual(names(4).map(id => [id, generation]))
  }
})
