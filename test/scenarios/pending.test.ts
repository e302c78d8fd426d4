/** Declared before there is a node that can run it: over real sockets. */

import { randomUUID } from 'node:crypto'

import { afterEach, expect, test } from 'vitest'

import { type Config, type Node, runningNodes, startConfig } from '../../src/index.ts'
import { LOOPBACK, localNode } from '../local-node.ts'
import { LogBook } from '../log-book.ts'
import { PATIENCE } from '../patience.ts'
import * as behaviours from './config-behaviours.ts'

const { counter, double } = behaviours

afterEach(async () => {
  await Promise.all(runningNodes().map(node => node.stop()))
})

const kindsOf = (node: Node): string[] =>
  node.snapshot().specs.map(({ id, status }) => `${id} ${status.kind}`)

test('a client declares what runs when the first node comes', async () => {
  const cluster = randomUUID()
  const client = await localNode({ cluster, role: 'client' })
  const declared = { until: 'declared' } as const
  const hits = await client.addWorker({ id: 'hits', run: counter, args: [3] }, declared)
  const chain = await client.addChain({ id: 'twice', stages: [{ run: double }] }, declared)
  expect(client.listWorkers()[0]?.status).toEqual({
    kind: 'pending',
    reason: 'no live node has the behaviour "counter@1"',
  })
  const seeds = [...client.addresses]
  await localNode({ cluster, behaviours: [behaviours], discovery: { mdns: false, seeds } })
  await expect.poll(() => kindsOf(client), PATIENCE).toEqual(['hits running', 'twice running'])
  expect(await hits.call.get()).toBe(3)
  expect(await chain.call(4)).toBe(8)
})

test('what has to run in a thread says that its module is missing', async () => {
  const node = await localNode({ behaviours: [behaviours] })
  const worker = { id: 'hits', run: counter, args: [0], isolation: 'thread' } as const
  await expect(node.addWorker(worker)).rejects.toMatchObject({
    name: 'IsolationError',
    message: expect.stringMatching(/by URL.*until: 'declared'/),
  })
  await node.addWorker(worker, { until: 'declared' })
  expect(node.listWorkers()[0]?.status).toMatchObject({
    reason:
      'no live node has the behaviour "counter@1" by the URL of its module, as a thread or process wants it',
  })
})

test.each(['stop', 'continue'] as const)(
  'a config starts before the node that can run it, and nothing of it has failed: onFailure %s',
  async onFailure => {
    const config: Config = {
      cluster: randomUUID(),
      listen: LOOPBACK,
      discovery: { mdns: false },
      logger: false,
      workers: [{ id: 'hits', run: counter, args: [3] }],
      chains: [{ id: 'twice', stages: [{ run: double }] }],
    }
    const logger = new LogBook()
    const first = await startConfig({ ...config, behaviours: [double], logger }, { onFailure })
    const reason = 'no live node has the behaviour "counter@1"'
    expect(first.pending).toEqual([{ path: 'workers[0]', id: 'hits', reason }])
    expect([...first.declared].toSorted()).toEqual(['hits', 'twice'])
    expect(first.failed).toEqual([])
    const warned = logger.lines.filter(({ message }) => message.startsWith('is declared, and pending'))
    expect(warned).toMatchObject([{ facts: { path: 'workers[0]', id: 'hits', reason, known: ['double@1'] } }])
    const seeds = [...first.node.addresses]
    const later: Config = { ...config, behaviours: [behaviours], discovery: { mdns: false, seeds } }
    const second = await startConfig(later, { onFailure })
    expect(second).toMatchObject({ pending: [], different: [], failed: [] })
    // On a busy machine it may take itself for the first one, and declare the same.
    expect([...second.present, ...second.declared].toSorted()).toEqual(['hits', 'twice'])
    await expect
      .poll(() => kindsOf(first.node).toSorted(), PATIENCE)
      .toEqual(['hits running', 'twice running'])
    expect(await first.node.getWorker('hits', counter).call.get()).toBe(3)
  },
)
