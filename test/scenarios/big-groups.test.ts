/** The scenarios of groups that ask for many members: lines 32, 34, 38, 40 and 42. */

import { expect, test } from 'vitest'

import { simulate } from '../../src/testing.ts'
import { allSeeAll } from '../sim/all-see-all.ts'
import {
  type CellMembers,
  addCells,
  behaviours,
  cells,
  crash,
  fill,
  names,
  one,
  values,
} from './group-workers.ts'

test('32: ten thousand times a group is added and removed, a hundred at once, and nothing of them is left', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const ids = names(100, 'g')
  for (let round = 0; round < 100; round++) {
    await mesh.settle(Promise.all(ids.map(id => node.addGroup({ id, members: cells(1) }))))
    expect(node.findGroup('g7')).toBeDefined()
    await mesh.settle(Promise.all(ids.map(id => node.removeGroup(id))))
    expect(node.findGroup('g7')).toBeUndefined()
  }
  expect(node.listGroups()).toEqual([])
  expect(node.inspect().core.supervisor.size).toBe(0)
})

test('34: of 20,000 members the count and the handles agree', async () => {
  await using mesh = await one()
  const group = await addCells(mesh, 'g', 20_000)
  const members = group.members()
  expect(members.map(({ id }) => id)).toEqual(names(20_000))
  expect(members.filter(({ workers }) => workers[0]?.kind === 'running')).toHaveLength(20_000)
  expect(mesh.node('n1').snapshot().workers.inline).toBe(20_000)
  // Each handle is that of its own member.
  await fill(mesh, 'g', names(20_000))
  expect(await values(mesh, 'g', names(20_000))).toEqual(names(20_000))
})

test('38, 40: ten broadcasts reach each of 5,000 members once; started anew, all are empty', async () => {
  await using mesh = await one()
  const group = await addCells(mesh, 'g', 5_000)
  for (let round = 0; round < 10; round++) expect(group.broadcast('count')).toBe(5_000)
  const counts = await mesh.settle(Promise.all(names(5_000).map(id => group.member(id).call.counted())))
  expect(new Set(counts)).toEqual(new Set([10]))
  await fill(mesh, 'g', names(5_000))
  await mesh.settle(group.restart())
  expect(new Set(await values(mesh, 'g', names(5_000)))).toEqual(new Set([undefined]))
})

test('42: one_for_all: one of 10,000 crashes, and all come back empty', async () => {
  await using mesh = await one()
  await addCells(mesh, 'g', 10_000)
  await fill(mesh, 'g', names(10_000))
  await crash(mesh, 'g', 'm5000')
  expect(new Set(await values(mesh, 'g', names(10_000)))).toEqual(new Set([undefined]))
})

test('34: a group whose rows are larger than a frame runs on several nodes, and is known to one that comes later', async () => {
  await using mesh = await simulate({ nodes: ['n1', 'n2', 'n3'], behaviours })
  await allSeeAll(mesh)
  mesh.crash('n3')
  await mesh.until('it is gone', () => mesh.node('n1').members().length === 2)
  await addCells(mesh, 'g', 3_000)
  await mesh.start('n3')
  const late = (): number | undefined => mesh.node('n3').findGroup('g')?.members().length
  await mesh.until('the late one knows it', () => late() === 3_000, 5_000)
  await mesh.until('and where it runs', () => mesh.node('n3').getGroup('g').status.kind === 'running')
  const ref = mesh.node('n3').getGroup<CellMembers>('g')
  expect(await mesh.settle(ref.member('m2999').call.ping())).toBe('pong')
  expect(new Set(ref.members().map(({ workers }) => workers[0]?.node))).toEqual(new Set(['n1', 'n2']))
})
