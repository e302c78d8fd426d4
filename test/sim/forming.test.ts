/** How a mesh comes together: many nodes that start at once, with one seed, and what they say to each other meanwhile. */

import { expect, test } from 'vitest'

import { simulate } from '../../src/testing.ts'

const NODES = 30

/** Of two that dial each other at once, one session ends as the other one is up: nobody has lost anything. */
const CROSSED = / down .*(another session has taken its place|there is a session already)/

test('thirty nodes that start at once see each other, and nobody is suspected', async () => {
  let bundles = 0
  let crossed = 0
  const sessions = new Map<string, number>()
  await using mesh = await simulate({
    seed: 1,
    nodes: NODES,
    onTrace: line => {
      if (/ control /.test(line)) bundles += 1
      const [, from, to] = / up (\S+)>(\S+)/.exec(line) ?? []
      if (from !== undefined && to !== undefined) {
        const pair = [from, to].toSorted().join()
        sessions.set(pair, (sessions.get(pair) ?? 0) + 1)
      }
      if (CROSSED.test(line)) crossed += 1
    },
  })
  let suspected = 0
  for (const id of mesh.ids) mesh.node(id).on('member:suspect', () => (suspected += 1))
  const isFormed = (): boolean => mesh.ids.every(id => mesh.node(id).members().length === NODES)
  await mesh.until('all see all', isFormed)
  await mesh.until('all are connected', () => sessions.size === (NODES * (NODES - 1)) / 2)
  await mesh.run(5_000)
  expect(suspected).toBe(0)
  const spare = [...sessions.values()].reduce((sum, times) => sum + times - 1, 0)
  expect(spare).toBeLessThanOrEqual(crossed)
  expect(crossed).toBeLessThan(sessions.size / 5)
  // What everybody has to say to everybody: hello, a row that says that it takes work, what differs. Where each passed
  // on each row that it hears, one at a time, it would be five times as much.
  expect(bundles).toBeLessThan(25 * NODES * NODES)
})

test('thirty nodes that know one of them see each other first, and then open the sessions that can wait', async () => {
  const sessions = new Set<string>()
  await using mesh = await simulate({
    seed: 3,
    nodes: NODES,
    seeds: 1,
    onTrace: line => {
      const [, from, to] = / up (\S+)>(\S+)/.exec(line) ?? []
      if (from !== undefined && to !== undefined) sessions.add([from, to].toSorted().join())
    },
  })
  let suspected = 0
  for (const id of mesh.ids) mesh.node(id).on('member:suspect', () => (suspected += 1))
  const isFormed = (): boolean => mesh.ids.every(id => mesh.node(id).members().length === NODES)
  await mesh.until('all see all', isFormed)
  // One each, and a few of those who came when there were few.
  expect(sessions.size).toBeLessThan(3 * NODES)
  await mesh.until('all are connected', () => sessions.size === (NODES * (NODES - 1)) / 2)
  expect(suspected).toBe(0)
})

test('ten nodes of which each knows one other, in a row, are one mesh; who knows nobody and is known to nobody is not', async () => {
  const names = Array.from({ length: 10 }, (_, index) => `n${index + 1}`)
  const seedsOf = Object.fromEntries(names.map((name, index) => [name, names.slice(0, index).slice(-1)]))
  await using mesh = await simulate({ nodes: [...names, 'apart'], seedsOf: { ...seedsOf, apart: [] } })
  const isFormed = (): boolean => names.every(name => mesh.node(name).members().length === names.length)
  await mesh.until('all see all', isFormed, 5_000)
  await mesh.run(10_000)
  expect(isFormed()).toBe(true)
  expect(mesh.node('apart').members()).toHaveLength(1)
})

test('the sessions of an idle mesh last, however seldom its nodes have something to say', async () => {
  const ends: string[] = []
  await using mesh = await simulate({
    seed: 2,
    nodes: NODES,
    onTrace: line => {
      if (/ down /.test(line) && !CROSSED.test(line)) ends.push(line)
    },
  })
  await mesh.run(60_000)
  expect(ends).toEqual([])
})
