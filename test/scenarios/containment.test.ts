/**
 * Containment on one node: lines 76 to 79, 83 and 84 of the behavioural scenarios, each test named by its
 * lines. A shard, there, hosts workers: here it is the thread or process of a worker.
 */

import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { Node } from '../../src/index.ts'
import type { FromCell } from '../../src/node/workers/cell-messages.ts'
import { CellWorker } from '../../src/node/workers/cell-worker.ts'
import { systemClock } from '../../src/io/system/system-clock.ts'
import { localNode } from '../local-node.ts'
import { nextStart } from '../node-events.ts'
import { PATIENCE, PATIENCE_MS } from '../patience.ts'
import { grind, increment, linger, member, pass } from './containment-workers.ts'

const MODULE = new URL('containment-workers.ts', import.meta.url).href
const ISOLATIONS = ['thread', 'process'] as const

let node: Node

beforeAll(async () => {
  node = await localNode({ behaviours: [MODULE] })
})

afterEach(async () => {
  for (const { id, kind } of node.snapshot().specs) {
    if (kind === 'worker') await node.removeWorker(id)
    else if (kind === 'group') await node.removeGroup(id)
    else await node.removeChain(id)
  }
})

afterAll(() => node.stop())

const statusOf = (id: string) => node.snapshot().specs.find(spec => spec.id === id)?.status.kind
const slotsOf = (id: string) =>
  node
    .snapshot()
    .specs.find(spec => spec.id === id)
    ?.workers.map(({ slot }) => slot)

test('76: a process is killed: the node stays up, it is replaced, and the others stay what they were', async () => {
  const add = (id: string, isolation: 'inline' | 'thread' | 'process') =>
    node.addWorker({ id, run: member, isolation })
  const victim = await add('victim', 'process')
  const others = await Promise.all([add('a', 'process'), add('b', 'thread'), add('c', 'inline')])
  const before = await Promise.all(others.map(worker => worker.call.where()))
  const pid = await victim.call.pid()
  const back = nextStart(node, 'victim')
  process.kill(pid, 'SIGKILL')
  await back
  expect(await victim.call.pid()).not.toBe(pid)
  expect(await Promise.all(others.map(worker => worker.call.where()))).toEqual(before)
  expect(await victim.call.count()).toBe(1)
})

test('77: workers whose process was killed come back by their restart type, a group as one; the node tells the truth', async () => {
  const apart = { run: member, isolation: 'process' } as const
  const permanent = await node.addWorker({ id: 'permanent', ...apart, restart: 'permanent' })
  const transient = await node.addWorker({ id: 'transient', ...apart, restart: 'transient' })
  const temporary = await node.addWorker({ id: 'temporary', ...apart, restart: 'temporary' })
  const bystander = await node.addWorker({ id: 'bystander', ...apart })
  const group = await node.addGroup({
    id: 'pair',
    members: [
      { id: 'isolated', ...apart },
      { id: 'inline', run: member },
    ],
  })
  await group.member('inline').call.count()
  await bystander.call.count()
  const others = [permanent, transient, group.member('isolated')]
  const victims = [...others, temporary]
  const pids = await Promise.all(victims.map(worker => worker.call.pid()))
  const pid = await bystander.call.pid()
  const back = ['permanent', 'transient', 'pair/isolated', 'pair/inline'].map(slot => nextStart(node, slot))
  for (const worker of victims) worker.cast.die()
  await Promise.all(back)
  await expect.poll(() => statusOf('temporary'), PATIENCE).toBe('done')
  await expect(temporary.call.count()).rejects.toMatchObject({ name: 'WorkerExitedError' })
  for (const worker of [...others, group.member('inline')]) expect(await worker.call.count()).toBe(1)
  // Each in a process of its own that is none of those which were killed.
  const now = await Promise.all(others.map(worker => worker.call.pid()))
  expect(new Set([...now, ...pids, pid, process.pid]).size).toBe(now.length + pids.length + 2)
  for (const old of pids) expect(() => process.kill(old, 0)).toThrow('ESRCH')
  // Who had no part in it goes on as it was.
  expect([await bystander.call.pid(), await bystander.call.count()]).toEqual([pid, 2])
  const names = ['permanent', 'transient', 'pair', 'bystander', 'temporary']
  expect(names.map(statusOf)).toEqual(['running', 'running', 'running', 'running', 'done'])
  expect(names.map(slotsOf)).toEqual([
    ['permanent'],
    ['transient'],
    ['pair/isolated', 'pair/inline'],
    ['bystander'],
    [],
  ])
  expect(group.members().map(({ workers: [each] }) => [each?.kind, each?.generation])).toEqual([
    ['running', 2],
    ['running', 2],
  ])
  const { cells, workers } = node.snapshot()
  expect(cells.map(({ slot, isAlive }) => [slot, isAlive])).toEqual([
    ['bystander', true],
    ['pair/isolated', true],
    ['permanent', true],
    ['transient', true],
  ])
  expect(workers).toMatchObject({ inline: 1, threads: 0, processes: 4, ending: 0 })
})

describe.each(['inline', ...ISOLATIONS] as const)('%s', isolation => {
  test('78: what nobody understands crashes no worker, and an unknown call is answered with an error', async () => {
    const worker = await node.addWorker({ id: 'w', run: member, isolation })
    const where = await worker.call.where()
    for (const garbage of [undefined, null, 'what?', { kind: 'order' }, [1, 2, 3], new Map([[1, 2]])])
      worker.send(garbage)
    if (isolation !== 'inline') worker.cast.babble()
    const unknown: unknown = Reflect.get(worker.call, 'noSuchFunction')
    expect(unknown).toBeTypeOf('function')
    if (typeof unknown === 'function') {
      await expect(unknown.call(worker.call)).rejects.toMatchObject({
        name: 'RemoteError',
        message: expect.stringContaining('noSuchFunction'),
        maybeExecuted: false,
      })
    }
    expect(await worker.call.where()).toBe(where)
  })

  test('79: an answer that nobody has asked for, or waits for any more, goes nowhere', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshvisor-answers-'))
    const file = join(folder, 'enough')
    const worker = await node.addWorker({ id: 'w', run: member, isolation })
    const where = await worker.call.where()
    const exits: string[] = []
    const off = node.on('worker:exit', ({ slot }) => exits.push(slot))
    const lost = node.snapshot().lostMessages
    // Both handlers return something.
    worker.cast.count()
    worker.send('a message')
    const abort = new AbortController()
    const gone = worker.with({ signal: abort.signal, timeoutMs: PATIENCE_MS }).call.hold(file)
    const next = worker.with({ timeoutMs: PATIENCE_MS }).call.count()
    // It is at the call: its answer comes when nobody waits for it any more.
    await expect.poll(() => existsSync(`${file} begun`), PATIENCE).toBe(true)
    abort.abort(new Error('not interested'))
    await expect(gone).rejects.toMatchObject({ name: 'AbortError', maybeExecuted: true })
    await writeFile(file, '')
    // The answer to the next call is its own, the cast has counted once, the message not at all.
    expect(await next).toBe(2)
    expect(await worker.call.where()).toBe(where)
    expect(exits).toEqual([])
    expect(node.snapshot().lostMessages).toBe(lost)
    off()
    await rm(folder, { recursive: true })
  })
})

test('78: garbage from the node crashes no thread or process of a worker either', () => {
  const said: unknown[] = []
  let tell: (message: unknown) => void = () => {}
  CellWorker.run(
    {
      kind: 'thread',
      post: message => said.push(message),
      onMessage: listener => {
        tell = listener
      },
      onStray: () => {},
      exit: () => said.push('exit'),
    },
    systemClock,
  )
  for (const garbage of [undefined, null, 7, 'x', {}, { kind: 7 }, { kind: 'no-such-kind' }, []])
    tell(garbage)
  tell({ kind: 'more', id: 99, count: 1 })
  tell({ kind: 'message', message: 'nobody has asked' })
  expect(said).toEqual([])
  tell({ kind: 'ping' })
  expect(said).toEqual([{ kind: 'pong' } satisfies FromCell])
})

describe.each(ISOLATIONS)('%s', isolation => {
  test('83: a stage that holds up its own thread does not hold up anybody else', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshvisor-grind-'))
    const file = join(folder, 'enough')
    const slow = await node.addChain({ id: 'slow', stages: [{ run: grind, isolation }] })
    const other = await node.addChain({ id: 'other', stages: [{ run: increment }] })
    const worker = await node.addWorker({ id: 'w', run: member })
    let isThrough = false
    const ground = slow.call(file).then(outcome => {
      isThrough = true
      return outcome
    })
    for (let n = 1; n <= 20; n++) {
      expect(await worker.call.count()).toBe(n)
      expect(await other.call(n)).toBe(n + 1)
    }
    await node.addWorker({ id: 'late', run: member })
    expect(isThrough).toBe(false)
    await writeFile(file, '')
    expect(await ground).toBe('ground')
    await rm(folder, { recursive: true })
  })
})

// The callback at the end of a chain runs in the thread of the node: what takes long in it has to wait, not to reckon.
test('83: a callback at the end of a chain that takes its time does not hold up anybody else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'meshvisor-hold-'))
  const file = join(folder, 'enough')
  const slow = await node.addChain({ id: 'lingers', stages: [{ run: pass }], onFinish: linger })
  const other = await node.addChain({ id: 'other', stages: [{ run: increment }] })
  const worker = await node.addWorker({ id: 'w', run: member })
  await slow.send(file)
  await expect.poll(() => existsSync(`${file} begun`), PATIENCE).toBe(true)
  for (let n = 1; n <= 20; n++) {
    expect(await worker.call.count()).toBe(n)
    expect(await other.call(n)).toBe(n + 1)
  }
  await node.addWorker({ id: 'late', run: member })
  // It is at its first item still.
  expect(slow.stats).toMatchObject({ accepted: 1, finished: 0 })
  await writeFile(file, '')
  await expect.poll(() => slow.stats.finished, PATIENCE).toBe(1)
  await rm(folder, { recursive: true })
})

test('84: eight rounds of work with a crash every third: all alive at the end, and nobody disturbed for nothing', async () => {
  const ids = Array.from({ length: 10 }, (_, n) => `w${n}`)
  const isolationOf = (n: number) => (n === 0 ? 'process' : n < 3 ? 'thread' : 'inline')
  const alone = await Promise.all(
    ids.map((id, n) => node.addWorker({ id, run: member, isolation: isolationOf(n) })),
  )
  const group = await node.addGroup({
    id: 'group',
    members: ids.map((id, n) => ({ id, run: member, isolation: isolationOf(n) })),
  })
  const chain = await node.addChain({
    id: 'chain',
    attemptsMax: 1,
    stages: [
      { id: 'one', run: increment, isolation: 'thread' },
      { id: 'two', run: increment },
      { id: 'three', run: increment, isolation: 'process' },
    ],
  })
  const crashed: string[] = []
  const off = node.on('worker:exit', ({ slot, exit }) => {
    if (exit.kind !== 'stopped') crashed.push(slot)
  })
  for (let round = 1; round <= 8; round++) {
    if (round % 3 === 0) {
      // The first time in a process, the second time in a thread.
      const victim = round / 3 - 1
      await expect(alone[victim]?.call.crash()).rejects.toMatchObject({ name: 'RemoteError' })
      await expect(group.member(ids[victim] ?? '').call.crash()).rejects.toMatchObject({
        name: 'RemoteError',
      })
      await expect(chain.call(-1)).rejects.toMatchObject({ name: 'ItemDeadError' })
    }
    const items = Array.from({ length: 20 }, (_, n) => n)
    const outcomes: unknown[] = []
    for await (const outcome of chain.run(items)) outcomes.push(outcome)
    expect(outcomes).toEqual(items.map(n => n + 3))
    await Promise.all(alone.map(worker => worker.with({ timeoutMs: PATIENCE_MS }).call.count()))
    await Promise.all(ids.map(id => group.member(id, { timeoutMs: PATIENCE_MS }).call.count()))
  }
  off()
  const first = 'chain/one/0'
  expect(crashed.toSorted()).toEqual([first, first, 'group/w0', 'group/w1', 'w0', 'w1'])
  // Whoever stands alone has counted all rounds since its own crash; a member, since the last crash of any.
  const counts = await Promise.all(alone.map(worker => worker.call.count()))
  expect(counts).toEqual(ids.map((_, n) => (n === 0 ? 7 : n === 1 ? 4 : 9)))
  expect(await Promise.all(ids.map(id => group.member(id).call.count()))).toEqual(ids.map(() => 4))
  expect(group.members().map(({ workers }) => workers[0]?.generation)).toEqual(ids.map(() => 3))
  expect(chain.stages().map(({ workers }) => workers[0]?.generation)).toEqual([3, 3, 3])
  expect(chain.stats).toMatchObject({ accepted: 162, finished: 160, dead: 2 })
  expect(['group', 'chain', ...ids].map(statusOf)).toEqual(Array.from({ length: 12 }, () => 'running'))
})
