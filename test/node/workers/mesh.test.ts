/** The context is the same wherever the code of a worker runs: in the thread of the node, in another, in a process. */

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'

import { type Node, withTrace } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import { PATIENCE, PATIENCE_MS } from '../../patience.ts'
import { asker, mortal } from './mesh-behaviours.ts'

let node: Node

beforeAll(async () => {
  node = await localNode({ behaviours: [new URL('mesh-behaviours.ts', import.meta.url).href] })
})
afterAll(() => node.stop())
afterEach(async () => {
  for (const { id } of node.listWorkers()) await node.removeWorker(id)
  for (const { id } of node.listGroups()) await node.removeGroup(id)
})

describe.each(['inline', 'thread', 'process'] as const)('code that runs %s', isolation => {
  test('knows who it is, and carries trace, deadline and callers along', async () => {
    const a = await node.addWorker({ id: 'a', run: asker, isolation })
    await node.addWorker({ id: 'b', run: asker })
    expect(await a.call.who()).toBe('a')
    expect(await a.call.ask('b', 'who')).toBe('b')
    expect(await withTrace('t-1', () => a.call.ask('b', 'trace'))).toBe('t-1')
    const remainingMs = Number(await a.with({ timeoutMs: PATIENCE_MS }).call.ask('b', 'remaining'))
    // More than a call has where nobody says how long; and two processes do not agree on the time to the millisecond.
    expect(remainingMs).toBeGreaterThan(5_000)
    expect(remainingMs).toBeLessThan(PATIENCE_MS + 1_000)
    expect(await a.call.fail('a')).toEqual({ name: 'DeadlockError', maybeExecuted: false })
    expect(await a.call.fail('nobody')).toMatchObject({ name: 'NotFoundError' })
  })

  test('is told why a call has failed, and whether it may have been executed', async () => {
    const a = await node.addWorker({ id: 'a', run: asker, isolation })
    await node.addWorker({ id: 'b', run: mortal })
    expect(await a.call.atCrash('b')).toEqual({
      name: 'WorkerExitedError',
      maybeExecuted: true,
      cause: 'TypeError',
    })
    expect(await a.call.aborted('b')).toEqual({
      name: 'AbortError',
      maybeExecuted: true,
      cause: 'RangeError',
    })
  })

  test('tells the code and the causes of its errors, and is told those of others', async () => {
    const a = await node.addWorker({ id: 'a', run: asker, isolation })
    const b = await node.addWorker({ id: 'b', run: mortal, isolation })
    const inner = { name: 'RangeError', message: 'no such file', code: 'ENOENT' }
    const cause = { ...inner, cause: { name: 'Error', message: 'a text' } }
    const errors = [
      { name: 'RangeError', message: 'here' },
      { name: 'Error', message: 'there' },
    ]
    const lost = { name: 'AggregateError', message: 'cannot read it', code: 7, cause, errors }
    const told = { ...lost, slot: 'b' }
    await expect(b.call.lose()).rejects.toMatchObject({ name: 'RemoteError', cause: told })
    expect(await a.call.atLoss('b')).toMatchObject(told)
    await expect(a.call.passLoss('b')).rejects.toMatchObject({
      cause: {
        name: 'RemoteError',
        slot: 'a',
        cause: lost,
      },
    })
  })

  test('answers later, sends to itself, and ends when it likes', async () => {
    const a = await node.addWorker({ id: 'a', run: asker, isolation, restart: 'transient' })
    const next = a.call.next()
    await a.call.noteSoon()
    expect(await next).toBe('later')
    expect(await a.call.heard()).toEqual(['later'])
    expect(await a.call.leave()).toBe('bye')
    await vi.waitFor(() => expect(node.listWorkers()[0]?.status.kind).toBe('done'), PATIENCE)
  })

  test('keeps answers for later: each is given, refused, or told to be lost with the worker', async () => {
    const b = await node.addWorker({ id: 'b', run: mortal, isolation })
    const [first, second, third] = [b.call.ask(), b.call.ask(), b.call.ask()]
    const refused = expect(third).rejects.toMatchObject({
      name: 'RemoteError',
      maybeExecuted: true,
      cause: { name: 'RangeError', message: 'not today' },
    })
    await b.call.refuse()
    await refused
    await b.call.grant('granted')
    expect(await first).toBe('granted')
    // Nobody has crashed.
    expect([await b.call.count(), await b.call.count()]).toEqual([1, 2])
    const lost = expect(second).rejects.toMatchObject({
      name: 'WorkerExitedError',
      maybeExecuted: true,
      cause: { name: isolation === 'inline' ? 'TypeError' : 'CellExit' },
    })
    await expect(isolation === 'inline' ? b.call.crash() : b.call.exit()).rejects.toThrow()
    await lost
    expect(await b.with({ timeoutMs: PATIENCE_MS }).call.count()).toBe(1)
  })

  test('48: knows its group, and sends to one or all of it', async () => {
    const members = ['x', 'y'].map(id => ({ id, run: asker, isolation }))
    await node.addGroup({ id: 'g', members })
    const group = node.getGroup<{ readonly id: string; readonly run: typeof asker }[]>('g')
    expect(await group.member('x').call.members()).toEqual(['x', 'y'])
    await group.member('x').call.tell('y')
    expect(await group.member('x').call.tellAll()).toBe(isolation === 'inline' ? 2 : undefined)
    await vi.waitFor(async () => {
      expect(await group.member('x').call.heard()).toEqual(['to all'])
      expect(await group.member('y').call.heard()).toEqual(['to one', 'to all'])
    }, PATIENCE)
  })
})

test.each(['thread', 'process'] as const)(
  'code in a %s hears at once of what cannot be copied',
  async isolation => {
    const a = await node.addWorker({ id: 'a', run: asker, isolation })
    const said = 'PayloadError: it cannot be copied'
    expect(await a.call.tellUnsendable()).toEqual([said, said, said])
  },
)
