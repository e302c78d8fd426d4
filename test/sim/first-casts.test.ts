/**
 * What a node casts and sends before it has a session with the node of the worker: it waits on the sender, as calls do,
 * for as long as there is hope, and comes once, in its order.
 */

import { expect, test } from 'vitest'

import type { WorkerRef } from '../../src/index.ts'
import { nodeId } from '../../src/ids.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** Keeps what it is told, in order. */
const ear = defineServer('ear', {
  init: () => new Array<unknown>(),
  call: { heard: state => [...state], ping: () => 'pong' },
  cast: { tell: (state, what: unknown) => void state.push(what) },
  info: (state, message) => void state.push(message),
})

/** A session that has broken is opened again by then, and a dead node found dead. */
const SOON_MS = 4_000
/** Thirty probe periods, in which those who start are to meet, and some to spare. */
const NEVER_MET_MS = 20_000

const lostOn = (mesh: SimulatedMesh, name: string): number => mesh.node(name).snapshot().lostMessages
const waitingOn = (mesh: SimulatedMesh, name: string): number => mesh.node(name).inspect().plane.outbox.count

function isConnected(mesh: SimulatedMesh, from: string, to: string): boolean {
  return mesh.node(from).inspect().core.ledger.membership.isConnected(nodeId(to))
}

const heardBy = (mesh: SimulatedMesh, from: string): Promise<readonly unknown[]> =>
  mesh.settle(mesh.node(from).getWorker('ear', ear).call.heard())

/** Four nodes, of which n4 runs the worker; n5 is to come, knows of n1 only, and can run it too where it is an heir. */
async function meshOf({ isHeir = false } = {}): Promise<SimulatedMesh> {
  const mesh = new SimulatedMesh({
    nodes: 5,
    seeds: 1,
    behavioursOf: { n4: [ear], ...(isHeir && { n5: [ear] }) },
    conditions: { latencyMs: 20, jitterMs: 0 },
  })
  await mesh.startAll(['n1', 'n2', 'n3', 'n4'])
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'ear', run: ear }))
  return mesh
}

/** n5 takes part, knows where the worker is, and has no session with that node. */
async function comeWithout(mesh: SimulatedMesh): Promise<void> {
  await mesh.start('n5')
  await mesh.settle(mesh.node('n5').formed(5))
  await mesh.until('it knows where the worker is', () => isOn(mesh, 'n4'))
  expect(isConnected(mesh, 'n5', 'n4')).toBe(false)
}

/** Whether the worker is there, as far as n5 knows. */
function isOn(mesh: SimulatedMesh, name: string): boolean {
  return mesh.node('n5').snapshot().specs[0]?.workers[0]?.node === name
}

/** Casts and messages in turn. */
function tell(mesh: SimulatedMesh, from: string, numbers: readonly number[]): void {
  const ref = mesh.node(from).getWorker('ear', ear)
  for (const n of numbers) {
    if (n % 2 === 0) ref.cast.tell(n)
    else ref.send(n)
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

// They were dropped, and counted.
test('what a node sends as soon as it has joined comes, once and in order, also what is sent meanwhile and after it', async () => {
  await using mesh = await meshOf()
  await comeWithout(mesh)
  const numbers = upTo(400)
  while (numbers.length > 0) {
    tell(mesh, 'n5', numbers.splice(0, 5))
    await mesh.run(3)
  }
  expect(isConnected(mesh, 'n5', 'n4')).toBe(true)
  expect(await heardBy(mesh, 'n5')).toEqual(upTo(400))
  expect([lostOn(mesh, 'n5'), lostOn(mesh, 'n4'), waitingOn(mesh, 'n5')]).toEqual([0, 0, 0])
})

test('a call does not come before the casts and messages that waited ahead of it', async () => {
  await using mesh = await meshOf()
  await comeWithout(mesh)
  const ref = mesh.node('n5').getWorker('ear', ear)
  const before = ref.call.heard()
  tell(mesh, 'n5', [0, 1])
  const between = ref.call.heard()
  tell(mesh, 'n5', [2])
  const answers = await mesh.settle(Promise.all([before, between, ref.call.heard()]))
  expect(answers[1].slice(0, 2)).toEqual([0, 1])
  expect(answers[2]).toEqual([0, 1, 2])
})

test('what is sent while a session is broken waits for the next one; nothing comes twice', async () => {
  await using mesh = await meshOf()
  tell(mesh, 'n1', [0, 1])
  await mesh.run(100)
  mesh.breakSession('n1', 'n4')
  // On its way, or written to a session that is over: it is lost, or comes once.
  tell(mesh, 'n1', [2, 3])
  await mesh.until('the session is over', () => !isConnected(mesh, 'n1', 'n4'))
  tell(mesh, 'n1', [4, 5, 6, 7])
  expect(waitingOn(mesh, 'n1')).toBe(4)
  await mesh.run(SOON_MS)
  tell(mesh, 'n1', [8])
  expect(await heardBy(mesh, 'n1')).toEqual([0, 1, 4, 5, 6, 7, 8])
  expect([lostOn(mesh, 'n1'), waitingOn(mesh, 'n1')]).toEqual([0, 0])
})

// They went to the new run as soon as there was a session, which knew of no such worker yet.
test.each(['worker', 'group'] as const)(
  'what is sent while the process of a %s starts anew waits for the worker to start there',
  async what => {
    await using mesh = new SimulatedMesh({ nodes: 4, behavioursOf: { n4: [ear] } })
    await mesh.startAll()
    await allSeeAll(mesh)
    const node = mesh.node('n1')
    const members = [{ id: 'a', run: ear }] as const
    const spec = { id: 'ear', run: ear }
    const ref = await mesh.settle<WorkerRef<typeof ear>>(
      what === 'worker'
        ? node.addWorker(spec)
        : node.addGroup({ id: 'g', members }).then(group => group.member('a')),
    )
    await mesh.until('it has a session', () => isConnected(mesh, 'n1', 'n4'))
    mesh.crash('n4')
    await mesh.until('the session is over', () => !isConnected(mesh, 'n1', 'n4'))
    const numbers = upTo(100)
    const sendSome = async (): Promise<void> => {
      for (const n of numbers.splice(0, 50)) {
        ref.send(n)
        await mesh.run(3)
      }
    }
    await sendSome()
    const started = mesh.start('n4')
    await sendSome()
    await mesh.settle(started)
    expect(await mesh.settle(ref.with({ timeoutMs: 20_000 }).call.heard())).toEqual(upTo(100))
    expect([lostOn(mesh, 'n1'), lostOn(mesh, 'n4'), waitingOn(mesh, 'n1')]).toEqual([0, 0, 0])
  },
)

test('what waits for a node that dies goes to the successor of the worker, before what is sent later', async () => {
  await using mesh = await meshOf({ isHeir: true })
  mesh.cut('n5', 'n4')
  await comeWithout(mesh)
  tell(mesh, 'n5', [0, 1, 2])
  mesh.crash('n4')
  await mesh.run(10)
  tell(mesh, 'n5', [3, 4])
  expect(waitingOn(mesh, 'n5')).toBe(5)
  await mesh.until('it runs on the other node', () => isOn(mesh, 'n5'), SOON_MS)
  tell(mesh, 'n5', [5])
  expect(await heardBy(mesh, 'n5')).toEqual(upTo(6))
  expect([lostOn(mesh, 'n5'), waitingOn(mesh, 'n5')]).toEqual([0, 0])
})

test('what waits for a node that dies goes on waiting where no other can run the worker; removed with it, it is counted', async () => {
  await using mesh = await meshOf()
  mesh.cut('n5', 'n4')
  await comeWithout(mesh)
  tell(mesh, 'n5', upTo(7))
  expect([lostOn(mesh, 'n5'), waitingOn(mesh, 'n5')]).toEqual([0, 7])
  mesh.crash('n4')
  await mesh.run(SOON_MS)
  expect(mesh.node('n5').snapshot().specs[0]?.status.kind).toBe('pending')
  expect([lostOn(mesh, 'n5'), waitingOn(mesh, 'n5')]).toEqual([0, 7])
  await mesh.settle(mesh.node('n1').removeWorker('ear'))
  await mesh.run(SOON_MS)
  expect([lostOn(mesh, 'n5'), waitingOn(mesh, 'n5')]).toEqual([7, 0])
})

test('what waits for a node that only others reach is dropped, and counted, when that is known', async () => {
  await using mesh = await meshOf()
  mesh.cut('n5', 'n4')
  await comeWithout(mesh)
  const unreachable: string[] = []
  mesh.node('n5').on('member:unreachable', ({ member }) => unreachable.push(member.id))
  tell(mesh, 'n5', upTo(3))
  await mesh.run(1_000)
  expect([lostOn(mesh, 'n5'), waitingOn(mesh, 'n5')]).toEqual([0, 3])
  await mesh.until('it is unreachable', () => unreachable.length > 0, NEVER_MET_MS)
  expect([lostOn(mesh, 'n5'), waitingOn(mesh, 'n5')]).toEqual([3, 0])
  tell(mesh, 'n5', [3])
  expect([lostOn(mesh, 'n5'), waitingOn(mesh, 'n5')]).toEqual([4, 0])
  mesh.heal()
  await mesh.until('they have met', () => isConnected(mesh, 'n5', 'n4'))
  tell(mesh, 'n5', [4])
  expect(await heardBy(mesh, 'n5')).toEqual([4])
})

test('what a node sends before it leaves at once comes, where there is time for a session', async () => {
  await using mesh = await meshOf()
  await comeWithout(mesh)
  tell(mesh, 'n5', upTo(3))
  await mesh.stop('n5')
  expect(await heardBy(mesh, 'n1')).toEqual(upTo(3))
})

test('a node that leaves waits for a session no longer than for anything else, and counts what is lost', async () => {
  await using mesh = await meshOf()
  mesh.cut('n5', 'n4')
  await comeWithout(mesh)
  const node = mesh.node('n5')
  tell(mesh, 'n5', upTo(3))
  const startMs = mesh.nowMs
  await mesh.stop('n5')
  expect(mesh.nowMs - startMs).toBeLessThan(2_500)
  expect(node.inspect().plane.lostCount).toBe(3)
  expect(node.inspect().plane.outbox.count).toBe(0)
})

// It was kept for ever, in the room of all others.
test('what waits for a member is dropped, and counted, when the group has it no more', async () => {
  await using mesh = await meshOf()
  const members = [
    { id: 'a', run: ear },
    { id: 'b', run: ear },
  ] as const
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members }))
  mesh.cut('n5', 'n4')
  await comeWithout(mesh)
  const seen = mesh.node('n5').getGroup<typeof members>('g')
  await mesh.until('it knows where they are', () => seen.status.kind === 'running')
  for (const n of [1, 2, 3]) seen.member('a').send(n)
  expect([lostOn(mesh, 'n5'), waitingOn(mesh, 'n5')]).toEqual([0, 3])
  await mesh.settle(group.removeMember('a'))
  await mesh.run(1_000)
  expect([lostOn(mesh, 'n5'), waitingOn(mesh, 'n5')]).toEqual([3, 0])
})
