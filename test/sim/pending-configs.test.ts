/** What a config says before there is a node that can run it. */

import { expect, test } from 'vitest'

import type { Logger } from '../../src/index.ts'
import { checkConfig } from '../../src/node/config.ts'
import { declareConfig } from '../../src/node/start-config.ts'
import { simulate } from '../../src/testing.ts'
import { counter, double } from './behaviours.ts'
import { comeTo, early, hits, line, newer, statusAt } from './early.ts'

interface Log {
  readonly logger: Logger
  readonly warnings: string[]
}

function log(): Log {
  const warnings: string[] = []
  const quiet = (): void => {}
  const warn: Logger['warn'] = (facts, message) => warnings.push(`${JSON.stringify(facts)} ${message}`)
  return { logger: { debug: quiet, info: quiet, error: quiet, warn }, warnings }
}

const said = (node: string, what: object): string =>
  `${JSON.stringify({ node, ...what })} is declared, and pending: no live node can run it. ` +
  'It starts when a node comes that can; if none is to come, correct the config'

test('a config whose workers nobody can run yet is declared, warns once of each, and runs when a node comes', async () => {
  const { logger, warnings } = log()
  await using mesh = await early([counter, newer, double], { logger, of: { n1: [double] } })
  const placed = { id: 'far', run: double, placement: { labels: { far: 'yes' } } }
  const config = checkConfig({
    workers: [hits],
    groups: [line],
    chains: [
      { id: 'twice', stages: [{ run: double }] },
      { id: 'again', stages: [placed] },
    ],
  })
  const atMs = mesh.nowMs
  const started = await mesh.settle(declareConfig(mesh.node('n1'), config))
  expect(mesh.nowMs - atMs).toBeLessThan(1_000)
  const pending = [
    { path: 'workers[0]', id: 'hits', reason: 'no live node has the behaviour "counter@1"' },
    {
      path: 'groups[0]',
      id: 'line',
      reason: 'no live node has the behaviour "counter@1", the behaviour "counter@2"',
    },
    { path: 'chains[1]', id: 'again', reason: 'no live node has the label far=yes' },
  ]
  expect(started).toMatchObject({ failed: [], pending })
  expect([...started.declared].toSorted()).toEqual(['again', 'hits', 'line', 'twice'])
  expect(warnings.toSorted()).toEqual(
    pending.map(each => said('n1', { ...each, known: ['double@1'] })).toSorted(),
  )
  await mesh.start('n2')
  for (const id of ['hits', 'line']) await comeTo(mesh, id, 'running')
  expect(statusAt(mesh, 'n1', 'again')?.kind).toBe('pending')
  expect(warnings).toHaveLength(3)
})

test('of two nodes with one config the second one can run it: it finds it there, and runs it', async () => {
  const { logger, warnings } = log()
  await using mesh = await early([counter, newer], { logger })
  const config = checkConfig({ workers: [hits], groups: [line] })
  const first = await mesh.settle(declareConfig(mesh.node('n1'), config))
  expect(first).toMatchObject({ declared: ['hits', 'line'], pending: [{ id: 'hits' }, { id: 'line' }] })
  await mesh.start('n2')
  const second = await mesh.settle(declareConfig(mesh.node('n2'), config))
  expect(second).toMatchObject({ declared: [], present: ['hits', 'line'], pending: [], failed: [] })
  for (const id of ['hits', 'line']) await comeTo(mesh, id, 'running')
  expect(warnings).toHaveLength(2)
})

test.each([1, 2, 3, 4])(
  'two nodes with one config that meet later: what one of them cannot run goes on where it runs (seed %i)',
  async seed => {
    const { logger, warnings } = log()
    const names = ['n1', 'n2']
    const behavioursOf = { n1: [], n2: [counter, newer] }
    await using mesh = await simulate({ seed, nodes: names, behavioursOf, logger })
    for (const name of names) mesh.crash(name)
    mesh.partition(['n1'], ['n2'])
    await mesh.startAll()
    const config = checkConfig({ workers: [hits], groups: [line] })
    for (const name of seed % 2 === 0 ? names : names.toReversed())
      await mesh.settle(declareConfig(mesh.node(name), config))
    await mesh.settle(mesh.node('n2').getWorker('hits', counter).call.add(4))
    const starts: string[] = []
    mesh.node('n2').on('worker:start', ({ slot }) => starts.push(slot))
    mesh.heal()
    for (const id of ['hits', 'line']) await comeTo(mesh, id, 'running')
    await mesh.run(10_000)
    expect(await mesh.settle(mesh.node('n1').getWorker('hits', counter).call.get())).toBe(5)
    expect({ starts, warnings: warnings.length }).toEqual({ starts: [], warnings: 2 })
  },
)
