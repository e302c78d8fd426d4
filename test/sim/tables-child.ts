/**
 * A process of `tables.test.ts`: a thousand workers of all kinds come, do what workers do, crash, start again and go.
 * Tells what still names any of them, on all nodes.
 */

import { type Node, type TaskContext, defineServer, defineStage, defineTask } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { remains } from './remains.ts'

const TOMBSTONE_MS = 20_000
/** All that waits for anything by default waits for less. */
const LONGEST_WAIT_MS = 120_000

const server = defineServer('server', {
  init: () => ({ count: 0 }),
  call: {
    count: state => (state.count += 1),
    never: () => new Promise<never>(() => {}),
    fail: (_state, why: string): never => {
      throw new Error(why)
    },
  },
  cast: { bump: state => void (state.count += 1) },
  info: (state, message) => {
    if (message === 'crash') throw new Error('told to crash')
    state.count += 1
  },
  idle: { timeoutMs: 40, handle: state => void (state.count += 1) },
  handoff: state => state,
})
/** Knows no messages. */
const deaf = defineServer('deaf', { init: () => ({}), call: { ping: () => 'pong' } })
const task = defineTask('task', async (context: TaskContext<string>) => {
  for await (const message of context.messages) {
    if (message === 'crash') throw new Error('told to crash')
    if (message === 'sleep') await context.sleep(50)
    if (message === 'end') return
  }
})
const add = defineStage('add', (n: number) => n + 1)
const split = defineStage('split', async function* (n: number) {
  yield n
  yield n
})
const picky = defineStage('picky', (n: number) => {
  if (n === 13) throw new Error('not thirteen')
  return n
})

/** Outlives all of them. */
const lasting = new AbortController()
const { signal } = lasting

/** What names a worker of this test, and nothing else: never written out in one piece here. */
const NAME = ['go', 'ne'].join('')
const name = (kind: string, n: number): string => `${NAME}-${kind}-${n}`

async function main(): Promise<string[]> {
  await using mesh = await simulate({
    nodes: ['a', 'b', 'c'],
    behaviours: [server, deaf, task, add, split, picky],
    timings: { tombstoneMs: TOMBSTONE_MS },
  })
  await settleEach(mesh, 25, index => standalone(mesh, index))
  await settleEach(mesh, 10, index => group(mesh, index))
  await settleEach(mesh, 10, index => chain(mesh, index))
  await mesh.settle(moving(mesh), 600_000)
  await mesh.settle(passing(mesh), 600_000)
  await mesh.run(Math.max(3 * TOMBSTONE_MS, LONGEST_WAIT_MS))
  const left = await remains(/^[^\n]{0,40}g[o]ne-/)
  // So long it had to live: what still listened to it would have been found.
  lasting.abort()
  return left
}

/** Some at a time, as many would do. */
async function settleEach(
  mesh: SimulatedMesh,
  count: number,
  live: (index: number) => Promise<void>,
): Promise<void> {
  await mesh.settle(Promise.all(Array.from({ length: count }, (_, index) => live(index))), 600_000)
}

function nodeOf(mesh: SimulatedMesh, index: number): Node {
  return mesh.node(index % 2 === 0 ? 'a' : 'b')
}

/** Ten lives of servers and tasks each, one after the other. */
async function standalone(mesh: SimulatedMesh, index: number): Promise<void> {
  const here = nodeOf(mesh, index)
  const there = nodeOf(mesh, index + 1)
  for (let life = 0; life < 10; life++) {
    const n = index * 10 + life
    const id = name('server', n)
    const worker = await here.addWorker({ id, run: server, restart: n % 3 === 0 ? 'transient' : 'permanent' })
    const remote = there.getWorker<typeof server>(id)
    await remote.with({ signal }).call.count()
    remote.cast.bump()
    remote.send(id)
    const stop = here.on('worker:exit', () => {})
    await here
      .getWorker<typeof server>(id)
      .call.fail(`${id} fails`)
      .catch(() => {})
    stop()
    await remote.call.count()
    await worker
      .with({ timeoutMs: 20, signal })
      .call.never()
      .catch(() => {})
    if (n % 2 === 0) await there.restartWorker(id)
    if (n % 5 === 0) for (let crash = 0; crash < 7; crash++) worker.send('crash')
    await here.removeWorker(id)
    await worker.call.count().catch(() => {})
    await silent(here, there, n)
  }
}

/** A server that does not know what it is told, and a task. */
async function silent(here: Node, there: Node, n: number): Promise<void> {
  const [deafId, taskId] = [name('deaf', n), name('task', n)]
  const ear = await here.addWorker({ id: deafId, run: deaf })
  ear.send('anything')
  await there.getWorker<typeof deaf>(deafId).call.ping()
  const runner = await here.addWorker({ id: taskId, run: task })
  runner.send('sleep')
  there.getWorker<typeof task>(taskId).send('crash')
  if (n % 2 === 0) there.getWorker<typeof task>(taskId).send('end')
  await there.removeWorker(taskId)
  await here.removeWorker(deafId)
}

async function group(mesh: SimulatedMesh, index: number): Promise<void> {
  const here = nodeOf(mesh, index)
  const there = nodeOf(mesh, index + 1)
  for (let life = 0; life < 2; life++) {
    const n = index * 2 + life
    const id = name('group', n)
    const strategy = (['one_for_one', 'one_for_all', 'rest_for_one'] as const)[n % 3] ?? 'one_for_one'
    const members = Array.from({ length: 10 }, (_, m) => ({ id: `${NAME}-member-${m}`, run: server }))
    const made = await here.addGroup({ id, strategy, members })
    made.broadcast(id)
    const member = made.member(`${NAME}-member-4`)
    await member.call.count()
    await member.call.fail(`${id} fails`).catch(() => {})
    await member.call.count()
    const seen = there.getGroup(id)
    await seen.restartMember(`${NAME}-member-2`)
    await made.addMember({ id: `${NAME}-member-10`, run: server })
    await seen.removeMember(`${NAME}-member-3`)
    await seen.stopMember(`${NAME}-member-5`)
    await there.removeGroup(id)
  }
}

async function chain(mesh: SimulatedMesh, index: number): Promise<void> {
  const here = nodeOf(mesh, index)
  const there = nodeOf(mesh, index + 1)
  for (let life = 0; life < 2; life++) {
    const n = index * 2 + life
    const id = name('chain', n)
    const made = await here.addChain({
      id,
      strategy: n % 2 === 0 ? 'one_for_all' : 'one_for_one',
      stages: [
        { id: `${NAME}-stage-0`, run: add, workers: 3 },
        { id: `${NAME}-stage-1`, run: split, workers: 3 },
        { id: `${NAME}-stage-2`, run: picky, workers: 3, onItemError: n % 3 === 0 ? 'crash' : 'deadLetter' },
      ],
    })
    await made.call(1, { signal })
    let taken = 0
    for await (const outcomes of made.run([1, 2, 3, 4, 5, 6], { signal })) {
      taken += outcomes.length
      if (taken > 4) break
    }
    await made.send(12, { signal, timeoutMs: 5_000 })
    await there
      .getChain(id)
      .call(5)
      .catch(() => {})
    await there
      .getChain(id)
      .call(12, { timeoutMs: 2_000 })
      .catch(() => {})
    await there.removeChain(id)
  }
}

/** Workers and members that move from an emptied node to the others, and back; the heirs are not the only ones to hear of it. */
async function moving(mesh: SimulatedMesh): Promise<void> {
  const [a, c] = [mesh.node('a'), mesh.node('c')]
  const ids = Array.from({ length: 30 }, (_, n) => name('moved', n))
  for (const id of ids) await a.addWorker({ id, run: server })
  const members = Array.from({ length: 6 }, (_, m) => ({ id: `${NAME}-member-${m}`, run: server }))
  await a.addGroup({ id: name('moved', 30), strategy: 'one_for_one', members })
  await c.drain()
  c.resume()
  await a.drain()
  for (const id of ids) await c.removeWorker(id)
  await c.removeGroup(name('moved', 30))
  a.resume()
}

/** Members that come and go in a group that stays. */
async function passing(mesh: SimulatedMesh): Promise<void> {
  const [a, b] = [mesh.node('a'), mesh.node('b')]
  const made = await a.addGroup({
    id: 'lasting',
    strategy: 'one_for_one',
    members: [{ id: 'one', run: server }],
  })
  for (let n = 0; n < 30; n++) {
    const id = name('passing', n)
    const member = await made.addMember({ id, run: server })
    await member.call.count()
    await b.getGroup('lasting').removeMember(id)
  }
  await mesh.run(5_000)
  await made.addMember({ id: 'two', run: server })
}

process.stdout.write(JSON.stringify(await main()))
