/** Strategies of groups whose members run on several nodes. */

import { describe, expect, test } from 'vitest'

import type { GroupStrategy } from '../../src/protocol/spec-row.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { all, counter, listener } from './behaviours.ts'

const IDS = ['a', 'b', 'c', 'd', 'e', 'f']
const members = IDS.map(id => ({ id, run: listener, args: [] as const }))

/** Who is started anew when `d` crashes. */
const RENEWED: Record<GroupStrategy, readonly string[]> = {
  one_for_one: ['d'],
  one_for_all: IDS,
  rest_for_one: ['d', 'e', 'f'],
}
const STRATEGIES: readonly GroupStrategy[] = ['one_for_one', 'one_for_all', 'rest_for_one']

async function withGroup(mesh: SimulatedMesh, strategy: GroupStrategy): Promise<void> {
  await allSeeAll(mesh)
  const intensity = { restarts: 100, withinMs: 1_000 }
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy, intensity, members }))
  await mesh.until('all nodes know that it runs', () => mesh.up.every(id => isRunning(mesh, id)))
}

function groupAt(mesh: SimulatedMesh, node: string) {
  return mesh.node(node).getGroup<typeof members>('g')
}

function isRunning(mesh: SimulatedMesh, node: string): boolean {
  const group = mesh.node(node).findGroup('g')
  return (
    group?.status.kind === 'running' &&
    group.members().every(({ workers }) => workers[0]?.kind === 'running' && workers[0].node !== undefined)
  )
}

/** Of which generation each member is, as `node` sees it. */
function generations(mesh: SimulatedMesh, node: string): Record<string, number | undefined> {
  const entries = groupAt(mesh, node)
    .members()
    .map(({ id, workers }) => [id, workers[0]?.generation] as const)
  return Object.fromEntries(entries)
}

async function crash(mesh: SimulatedMesh, id: string): Promise<void> {
  const [node = ''] = mesh.up
  await mesh.settle(
    groupAt(mesh, node)
      .member(id)
      .call.crash()
      .catch(() => {}),
  )
}

function coordinatorOf(mesh: SimulatedMesh): string {
  const found = mesh.up.find(id => mesh.node(id).inspect().core.ledger.isCoordinator(groupAt(mesh, id).id))
  if (found === undefined) throw new Error('nobody decides')
  return found
}

describe.each(STRATEGIES)('%s', strategy => {
  test('renews what it must and nothing else, wherever it runs; nothing starts before all that must stop have', async () => {
    await using mesh = await simulate({ behaviours: all })
    await withGroup(mesh, strategy)
    for (const id of IDS) groupAt(mesh, 'n1').member(id).send(`for ${id}`)
    await mesh.run(100)
    const log: string[] = []
    for (const id of mesh.ids) {
      mesh.node(id).on('worker:exit', ({ slot }) => log.push(`exit ${slot}`))
      mesh.node(id).on('worker:start', ({ slot }) => log.push(`start ${slot}`))
    }
    await crash(mesh, 'd')
    await mesh.until('it runs again everywhere', () => mesh.ids.every(id => isRunning(mesh, id)), 2_000)
    const renewed = RENEWED[strategy]
    expect(log.filter(line => line.startsWith('exit')).toSorted()).toEqual(renewed.map(id => `exit g/${id}`))
    expect(log.filter(line => line.startsWith('start')).toSorted()).toEqual(
      renewed.map(id => `start g/${id}`),
    )
    const lastExit = log.findLastIndex(line => line.startsWith('exit'))
    expect(log.findIndex(line => line.startsWith('start'))).toBeGreaterThan(lastExit)
    for (const id of IDS) {
      const heard = await mesh.settle(groupAt(mesh, 'n2').member(id).call.heard())
      expect(heard).toEqual(renewed.includes(id) ? [] : [`for ${id}`])
    }
    for (const node of mesh.ids) {
      const wanted = Object.fromEntries(IDS.map(id => [id, renewed.includes(id) ? 2 : 1]))
      expect(generations(mesh, node)).toEqual(wanted)
    }
  })

  test('goes on wherever the coordinator dies on the way', async () => {
    for (const afterMs of [0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 8, 13, 100]) {
      await using mesh = await simulate({
        nodes: 4,
        behaviours: all,
        conditions: { latencyMs: 1, jitterMs: 0 },
      })
      await withGroup(mesh, strategy)
      for (const id of IDS) groupAt(mesh, 'n1').member(id).send(`for ${id}`)
      await mesh.run(100)
      const coordinator = coordinatorOf(mesh)
      const lost = groupAt(mesh, 'n1')
        .members()
        .flatMap(({ id, workers }) => (workers[0]?.node === coordinator ? [id] : []))
      const victim = IDS.find(id => !lost.includes(id)) ?? 'a'
      groupAt(mesh, coordinator)
        .member(victim)
        .call.crash()
        .catch(() => {})
      await mesh.run(afterMs)
      mesh.crash(coordinator)
      await mesh.until(
        `it runs on the others (killed after ${afterMs} ms)`,
        () => mesh.up.every(id => isRunning(mesh, id) && Object.keys(generations(mesh, id)).length === 6),
        10_000,
      )
      await mesh.run(2_000)
      const views = mesh.up.map(id => JSON.stringify(groupAt(mesh, id).members()))
      expect(new Set(views).size).toBe(1)
      // All answer, and under one_for_one only those have lost their state that crashed, or whose node did.
      const [node = ''] = mesh.up
      for (const id of IDS) {
        const heard = await mesh.settle(groupAt(mesh, node).member(id).call.heard())
        if (strategy === 'one_for_one' && !lost.includes(id) && id !== victim)
          expect(heard).toEqual([`for ${id}`])
        if (lost.includes(id)) expect(heard).toEqual([])
      }
    }
  })

  test('a node that dies costs one generation, however many members it had', async () => {
    await using mesh = await simulate({ behaviours: all })
    await withGroup(mesh, strategy)
    const lost = 'n3'
    const bereft = groupAt(mesh, 'n1')
      .members()
      .filter(({ workers }) => workers[0]?.node === lost)
    expect(bereft.length).toBeGreaterThan(1)
    mesh.crash(lost)
    const isBack = (id: string): boolean =>
      isRunning(mesh, id) &&
      groupAt(mesh, id)
        .members()
        .every(({ workers }) => workers[0]?.node !== lost)
    await mesh.until('it runs on the others', () => mesh.up.every(isBack), 10_000)
    await mesh.run(1_000)
    for (const id of mesh.up) {
      const numbers = Object.values(generations(mesh, id))
      expect(numbers.filter(number => number === 2).length).toBeGreaterThanOrEqual(bereft.length)
      expect(numbers.filter(number => number !== 1 && number !== 2)).toEqual([])
    }
  })

  test('after a partition in which both sides went on, all nodes follow one of the two', async () => {
    await using mesh = await simulate({ nodes: 4, behaviours: all })
    await withGroup(mesh, strategy)
    mesh.partition(['n1', 'n2'], ['n3', 'n4'])
    await mesh.until('both sides run it', () => {
      const sides = [
        ['n1', 'n2'],
        ['n3', 'n4'],
      ]
      return sides.every(side =>
        side.every(
          id =>
            isRunning(mesh, id) &&
            groupAt(mesh, id)
              .members()
              .every(({ workers }) => side.includes(String(workers[0]?.node))),
        ),
      )
    })
    mesh.heal()
    await mesh.run(15_000)
    const views = mesh.ids.map(id => JSON.stringify(groupAt(mesh, id).members()))
    expect(new Set(views).size).toBe(1)
    expect(isRunning(mesh, 'n1')).toBe(true)
    for (const id of IDS) await mesh.settle(groupAt(mesh, 'n1').member(id).call.heard())
  })
})

test('a new coordinator goes on counting: the intensity holds across its loss', async () => {
  await using mesh = await simulate({ nodes: 4, behaviours: all })
  await allSeeAll(mesh)
  const intensity = { restarts: 3, withinMs: 60_000 }
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy: 'one_for_one', intensity, members }))
  const crashOnce = async (): Promise<void> => {
    const [node = ''] = mesh.up
    await mesh.until('it runs', () => isRunning(mesh, node))
    const target = groupAt(mesh, node)
      .members()
      .find(({ workers }) => workers[0]?.kind === 'running')
    await crash(mesh, String(target?.id))
  }
  for (let times = 0; times < 3; times++) await crashOnce()
  await mesh.until('it runs', () => mesh.up.every(id => isRunning(mesh, id)))
  mesh.crash(coordinatorOf(mesh))
  await mesh.run(5_000)
  // The lost node did not count: it runs still.
  await mesh.until('it runs on the others', () => mesh.up.every(id => isRunning(mesh, id)))
  await crashOnce()
  const isGivenUp = (id: string): boolean => groupAt(mesh, id).status.kind === 'gave-up'
  await mesh.until('it is given up everywhere', () => mesh.up.every(isGivenUp), 5_000)
  const [node = '', other = ''] = mesh.up
  expect(groupAt(mesh, other).status).toMatchObject({ kind: 'gave-up', failures: { length: 5 } })
  await mesh.settle(groupAt(mesh, node).restart())
  await mesh.until('it runs again', () => mesh.up.every(id => isRunning(mesh, id)))
})

test('a node that dies takes its temporary members with it, and nobody else of the group', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const temporary = IDS.map(id => ({ id, run: listener, args: [] as const, restart: 'temporary' as const }))
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy: 'one_for_all', members: temporary }))
  mesh.crash('n3')
  const kinds = (): string[] =>
    groupAt(mesh, 'n1')
      .members()
      .map(({ workers }) => String(workers[0]?.kind))
  await mesh.until('they are gone', () => kinds().filter(kind => kind === 'ended').length === 2, 10_000)
  expect(kinds().filter(kind => kind === 'running')).toHaveLength(4)
  expect(groupAt(mesh, 'n1').status.kind).toBe('running')
})

test('members are added, stopped, started anew and removed from any node, and no sibling notices', async () => {
  await using mesh = await simulate({ behaviours: all })
  await withGroup(mesh, 'one_for_all')
  for (const id of IDS) groupAt(mesh, 'n1').member(id).send('before')
  const added = await mesh.settle(groupAt(mesh, 'n3').addMember({ id: 'late', run: counter, args: [5] }))
  expect(await mesh.settle(added.call.get())).toBe(5)
  await mesh.settle(mesh.node('n2').getGroup('g').restartMember('late'))
  await mesh.settle(mesh.node('n1').getGroup('g').stopMember('b'))
  expect(await mesh.settle(added.call.add(1))).toBe(6)
  await mesh.settle(mesh.node('n3').getGroup('g').removeMember('late'))
  for (const id of mesh.ids) {
    expect(
      groupAt(mesh, id)
        .members()
        .map(({ id: member }) => member),
    ).toEqual(IDS)
  }
  for (const id of IDS.filter(member => member !== 'b'))
    expect(await mesh.settle(groupAt(mesh, 'n2').member(id).call.heard())).toEqual(['before'])
})

test('of two changes that cross, neither is lost', async () => {
  await using mesh = await simulate({ behaviours: all })
  await withGroup(mesh, 'one_for_one')
  const both = Promise.all([
    groupAt(mesh, 'n1').addMember({ id: 'x', run: counter, args: [1] }),
    groupAt(mesh, 'n2').addMember({ id: 'y', run: counter, args: [2] }),
    groupAt(mesh, 'n3').restartMember('a'),
  ])
  await mesh.settle(both)
  await mesh.run(1_000)
  for (const id of mesh.ids) {
    expect(
      groupAt(mesh, id)
        .members()
        .map(({ id: member }) => member)
        .toSorted(),
    ).toEqual([...IDS, 'x', 'y'])
  }
})
