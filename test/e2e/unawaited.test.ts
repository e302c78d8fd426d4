/** A worker that does not wait for the answer of another one, whose node is killed. */

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Node } from '../../src/index.ts'
import { localNode } from '../local-node.ts'
import { forgetful, mute } from './behaviours.ts'
import { NodeProcess } from './processes.ts'

/** So many that none of the nodes is left without. */
const WORKERS = ['0', '1', '2', '3', '4', '5']

describe('two nodes in processes of their own, of which one is killed', () => {
  let client: Node
  let processes: readonly NodeProcess[]

  beforeAll(async () => {
    const cluster = randomUUID()
    client = await localNode({
      cluster,
      secret: 'end-to-end',
      role: 'client',
      behaviours: [{ forgetful, mute }],
    })
    const seed = client.addresses[0] ?? ''
    processes = await Promise.all(['b', 'c'].map(name => NodeProcess.start({ cluster, name, seed })))
    await client.formed(3)
  })

  afterAll(async () => {
    await Promise.all(processes.map(process => process.stop()))
    await client.stop()
  })

  const processOf = (worker: string): NodeProcess | undefined => {
    const spec = client.snapshot().specs.find(({ id }) => id === worker)
    return processes.find(({ id }) => spec?.workers.some(({ node }) => node === id))
  }

  test('the other one goes on, and only those of its workers crash that have called there and do not wait', async () => {
    for (const n of WORKERS) {
      await client.addWorker({ id: `forgetful-${n}`, run: forgetful })
      await client.addWorker({ id: `mute-${n}`, run: mute })
    }
    const called = WORKERS.map(n => `mute-${n}`).find(id => processOf(id) !== undefined) ?? ''
    const victim = processOf(called)
    const calling = WORKERS.map(n => `forgetful-${n}`).find(id => processOf(id) !== victim) ?? ''
    const left = processOf(calling)
    if (victim === undefined || left === undefined) throw new Error('all workers are on one node')
    const worker = client.getWorker(calling, forgetful)
    expect(await worker.call.forget(called)).toBe(left.pid)
    await victim.kill()
    await left.until('its worker has crashed', () =>
      left.events.some(event => event.kind === 'worker:exit' && event.slot === calling),
    )
    // Where the two had not met yet as a worker was added, both have begun it, and one of them has stopped it.
    const exits = left.events.filter(event => event.kind === 'worker:exit' && event.exit.kind !== 'stopped')
    expect(exits).toMatchObject([
      { slot: calling, exit: { kind: 'crashed', failure: { name: 'NodeLostError' } } },
    ])
    expect(await worker.call.pid()).toBe(left.pid)
  })
})
