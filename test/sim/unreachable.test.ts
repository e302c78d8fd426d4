/**
 * A link that is missing between two members, while others reach both: what is declared on one of them still comes to
 * the other by way of a third, and whoever calls across the gap is told at once, with who could do it instead.
 */

import { describe, expect, test } from 'vitest'

import type { Logger } from '../../src/ports.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { all, counter } from './behaviours.ts'

/** Ten probe periods without a session, after four in which the session is silent; and a few to spare. */
const NOTICED_MS = 10_000

interface Told {
  readonly unreachable: string[]
  readonly reachable: string[]
  readonly dead: string[]
}

function listen(mesh: SimulatedMesh): Told {
  const told: Told = { unreachable: [], reachable: [], dead: [] }
  for (const id of mesh.ids) {
    const node = mesh.node(id)
    node.on('member:unreachable', ({ member, reachedBy }) =>
      told.unreachable.push(`${id} ${member.id} ${reachedBy.join()}`),
    )
    node.on('member:reachable', ({ member }) => told.reachable.push(`${id} ${member.id}`))
    node.on('member:dead', ({ member }) => told.dead.push(`${id} ${member.id}`))
  }
  return told
}

/** A logger that keeps what it is told. */
function notebook(): Logger & { readonly lines: string[] } {
  const lines: string[] = []
  const note = (facts: object, message: string): void => {
    lines.push(`${message} ${JSON.stringify(facts)}`)
  }
  return { lines, debug: () => {}, info: () => {}, warn: note, error: note }
}

function ownerOf(mesh: SimulatedMesh, from: string, id: string): string | undefined {
  const { specs } = mesh.node(from).snapshot()
  return specs.find(spec => spec.id === id)?.workers[0]?.node
}

const reachedBy = (mesh: SimulatedMesh, from: string, of: string): readonly string[] | undefined =>
  mesh
    .node(from)
    .snapshot()
    .members.find(member => member.id === of)?.reachedBy

/** Declares workers on `from` until one of them runs on `on`. @returns its id */
async function workerOn(mesh: SimulatedMesh, from: string, on: string): Promise<string> {
  for (let n = 0; n < 50; n++) {
    const id = `w${n}`
    await mesh.settle(mesh.node(from).addWorker({ id, run: counter, args: [n] }))
    await mesh.until(`${from} knows where it runs`, () => ownerOf(mesh, from, id) !== undefined)
    if (ownerOf(mesh, from, id) === on) return id
  }
  throw new Error(`none of fifty workers runs on ${on}`)
}

describe.each(['in both directions', 'in one direction'])('a link that is missing %s', how => {
  async function cutMesh(logger?: Logger): Promise<{ mesh: SimulatedMesh; told: Told }> {
    const conditions = { hintLoss: 1 }
    const mesh = await simulate({
      nodes: 3,
      behaviours: all,
      conditions,
      ...(logger === undefined ? {} : { logger }),
    })
    await allSeeAll(mesh)
    const told = listen(mesh)
    if (how === 'in one direction') mesh.cutOneWay('n1', 'n2')
    else mesh.cut('n1', 'n2')
    await mesh.run(NOTICED_MS)
    return { mesh, told }
  }

  test('is told of by both sides, once, with who reaches the other; nobody dies of it; and it is told when it ends', async () => {
    const log = notebook()
    const { mesh, told } = await cutMesh(log)
    await using _ = mesh
    await mesh.run(60_000)
    expect(told.unreachable.toSorted()).toEqual(['n1 n2 n3', 'n2 n1 n3'])
    expect([reachedBy(mesh, 'n1', 'n2'), reachedBy(mesh, 'n1', 'n3')]).toEqual([['n3'], []])
    const warnings = log.lines.filter(line => line.startsWith('others reach a member'))
    expect(warnings).toEqual([
      expect.stringMatching(/"to":"n[12]".*"reachedBy":\["n3"\]/),
      expect.stringMatching(/"to":"n[12]".*"reachedBy":\["n3"\]/),
    ])
    mesh.heal()
    await mesh.until('both say that it is over', () => told.reachable.length === 2)
    expect(told.reachable.toSorted()).toEqual(['n1 n2', 'n2 n1'])
    expect(reachedBy(mesh, 'n1', 'n2')).toEqual([])
    expect(told.dead).toEqual([])
  })

  test('does not keep rows from the other side: what is declared here runs there', async () => {
    const { mesh } = await cutMesh()
    await using _ = mesh
    const id = await workerOn(mesh, 'n1', 'n2')
    for (const node of mesh.ids)
      await mesh.until(`${node} knows where it runs`, () => ownerOf(mesh, node, id) === 'n2')
    await mesh.settle(mesh.node('n1').removeWorker(id))
    await mesh.until('it is gone there', () => ownerOf(mesh, 'n2', id) === undefined)
    expect(mesh.node('n2').findWorker(id)).toBeUndefined()
  })

  test('ends a call over it at once, with who could call; and it works again when the link does', async () => {
    const { mesh, told } = await cutMesh()
    await using _ = mesh
    const id = await workerOn(mesh, 'n1', 'n2')
    const call = (node: string): Promise<number> =>
      mesh.settle(mesh.node(node).getWorker(id, counter).call.add(1))
    const startMs = mesh.nowMs
    await expect(call('n1')).rejects.toMatchObject({
      name: 'UnreachableError',
      maybeExecuted: false,
      node: 'n2',
      reachedBy: ['n3'],
    })
    expect(mesh.nowMs - startMs).toBe(0)
    const here = await call('n3')
    mesh.heal()
    await mesh.until('they are together again', () => told.reachable.length === 2)
    expect(await call('n1')).toBe(here + 1)
  })

  test('ends a call that waits for it as soon as it is known, and not by its time-out', async () => {
    await using mesh = await simulate({ nodes: 3, behaviours: all })
    await allSeeAll(mesh)
    const id = await workerOn(mesh, 'n1', 'n2')
    if (how === 'in one direction') mesh.cutOneWay('n1', 'n2')
    else mesh.cut('n1', 'n2')
    const { membership } = mesh.node('n1').inspect().core.ledger
    await mesh.until('the session is over', () => !membership.isConnected(mesh.node('n2').id))
    const call = mesh.node('n1').getWorker(id, counter).with({ timeoutMs: 60_000 }).call.get()
    await expect(mesh.settle(call)).rejects.toMatchObject({ name: 'UnreachableError', maybeExecuted: false })
  })
})

test('a member that nobody reaches is not unreachable but dead, and one that dies while it is, is forgotten', async () => {
  await using mesh = await simulate({ nodes: 3, behaviours: all })
  await allSeeAll(mesh)
  const told = listen(mesh)
  mesh.cut('n1', 'n2')
  await mesh.run(NOTICED_MS)
  mesh.crash('n2')
  await mesh.until('both know', () => told.dead.length === 2, 10_000)
  expect(reachedBy(mesh, 'n1', 'n2')).toEqual([])
  expect(told.reachable).toEqual([])
  mesh.crash('n3')
  await mesh.run(NOTICED_MS)
  expect(told.unreachable.toSorted()).toEqual(['n1 n2 n3', 'n2 n1 n3'])
})

test('a member that has never been met is said to be unreachable after thirty periods, not after ten', async () => {
  await using mesh = await simulate({ nodes: 3 })
  mesh.crash('n1')
  // The end of its session with n2 does not get through the cut: n2 would take it for one that it has met.
  await mesh.run(100)
  mesh.cut('n1', 'n2')
  await mesh.start('n1')
  await mesh.until('n1 knows of it', () => mesh.node('n1').members().length === 3)
  const { unreachable } = listen(mesh)
  await mesh.run(14_000)
  expect(unreachable).toEqual([])
  await mesh.run(4_000)
  expect(unreachable.toSorted()).toEqual(['n1 n2 n3', 'n2 n1 n3'])
})
