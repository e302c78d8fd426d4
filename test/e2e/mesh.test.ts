/** Real processes, real sockets, real kills. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import * as behaviours from './behaviours.ts'
import { Three } from './three.ts'
import { PATIENCE_MS } from '../patience.ts'

describe('three processes', () => {
  let three: Three

  beforeEach(async () => {
    three = await Three.start()
  })

  afterEach(() => three.stop())

  test('lose nothing when one of them is killed under load', async () => {
    const { node, others } = three
    const chain = await node.addChain({
      id: 'pipe',
      windowItems: 200,
      stages: [
        { id: 'first', run: behaviours.work, workers: 6 },
        { id: 'last', run: behaviours.label, workers: 3 },
      ],
    })
    const holders = new Set(node.snapshot().specs[0]?.workers.map(worker => worker.node))
    expect(holders.size).toBe(3)
    const items = Array.from({ length: 6_000 }, (_, n) => n)
    const outcomes: (string | undefined)[] = []
    for await (const outcome of chain.run(items)) {
      outcomes.push(outcome)
      if (outcomes.length === 2_000) await others[0]?.kill()
    }
    expect(outcomes).toEqual(items.map(n => `<${n * 2}>`))
    expect(chain.stats).toMatchObject({ accepted: 6_000, finished: 6_000, dead: 0 })
    expect(chain.stats.redelivered).toBeGreaterThan(0)
    const left = new Set(node.snapshot().specs[0]?.workers.map(worker => worker.node))
    expect(left).toEqual(new Set([node.id, others[1]?.id]))
  })

  test('hold one group: one member throws, all stop, and all run again as one generation, seen from each', async () => {
    const { node, others } = three
    const events: string[] = []
    for (const kind of ['worker:start', 'worker:exit', 'generation:fail', 'generation:run'] as const) {
      node.on(kind, event =>
        events.push('slot' in event ? `${kind} ${event.slot}` : `${kind} ${event.generation}`),
      )
    }
    const ids = ['m1', 'm2', 'm3', 'm4', 'm5', 'm6'] as const
    const group = await node.addGroup({
      id: 'line',
      members: ids.map(id => ({ id, run: behaviours.member })),
    })
    const who = await Promise.all(ids.map(id => group.member(id).call.whoami()))
    expect(new Set(who.map(({ pid }) => pid))).toEqual(
      new Set([process.pid, ...others.map(other => other.pid)]),
    )
    for (const other of others) {
      await other.until('it has seen the group run', () =>
        other.events.some(event => event.kind === 'generation:run'),
      )
    }

    const seen = new Promise<void>(resolve => {
      node.on('generation:run', ({ generation }) => (generation === 2 ? resolve() : undefined))
    })
    const remote = ids[who.findIndex(({ pid }) => pid !== process.pid)] ?? 'm1'
    await expect(group.member(remote).call.crash()).rejects.toMatchObject({
      name: 'RemoteError',
      message: 'Error: told to crash',
    })
    await seen
    const again = await Promise.all(ids.map(id => group.member(id).call.whoami()))

    expect(new Set(again.map(({ generation }) => generation))).toEqual(new Set([2]))
    expect(again.map(({ pid }) => pid)).toEqual(who.map(({ pid }) => pid))
    const stopped = new Set(events.flatMap(text => (text.startsWith('worker:exit ') ? [text.slice(12)] : [])))
    for (const other of others) {
      await other.until('it has seen the second generation', () =>
        other.events.some(event => event.kind === 'generation:run' && event.generation === 2),
      )
      expect(other.events).toContainEqual(
        expect.objectContaining({
          kind: 'generation:fail',
          failure: expect.objectContaining({ message: 'told to crash' }),
        }),
      )
      for (const event of other.events) if (event.kind === 'worker:exit') stopped.add(event.slot)
    }
    expect(events).toEqual(expect.arrayContaining(['generation:fail 1', 'generation:run 2']))
    expect([...stopped].toSorted()).toEqual(ids.map(id => `line/${id}`))
  })

  test('go on without one that was killed: its standalone workers run elsewhere', async () => {
    const { node, others } = three
    const ids = Array.from({ length: 9 }, (_, index) => `w${index}`)
    const workers = await Promise.all(ids.map(id => node.addWorker({ id, run: behaviours.member })))
    const where = await Promise.all(workers.map(worker => worker.call.whoami()))
    const victim = others.find(other => where.some(({ pid }) => pid === other.pid))
    if (victim === undefined) throw new Error('all workers are on the first node')
    await victim.kill()
    const after = await Promise.all(
      workers.map(worker => worker.with({ timeoutMs: PATIENCE_MS }).call.whoami()),
    )
    expect(after.map(({ pid }) => pid)).not.toContain(victim.pid)
    for (const [index, { pid }] of where.entries())
      if (pid !== victim.pid) expect(after[index]?.pid).toBe(pid)
  })
})
