/** Chains and groups with workers in threads and processes that die at their work. */

import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import type { Node } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import { PATIENCE_MS } from '../../patience.ts'
import * as behaviours from './cell-behaviours.ts'
import { MARKS, exiting, killed } from './fatal-behaviours.ts'

let node: Node
let marks: string

beforeEach(async () => {
  marks = mkdtempSync(join(tmpdir(), 'meshvisor-marks-'))
  process.env[MARKS] = marks
  node = await localNode({
    behaviours: ['cell-behaviours.ts', 'fatal-behaviours.ts'].map(
      file => new URL(file, import.meta.url).href,
    ),
  })
})

afterEach(async () => {
  await node.stop()
  rmSync(marks, { recursive: true })
})

test('a chain over threads and processes loses nothing when one of each is killed under load', async () => {
  const chain = await node.addChain({
    id: 'c',
    stages: [
      { run: exiting, isolation: 'thread', workers: 2 },
      { run: killed, isolation: 'process', workers: 2 },
    ],
  })
  const exits: string[] = []
  node.on('worker:exit', ({ slot, exit }) => {
    if (exit.kind === 'killed')
      exits.push(`${slot.split('/')[1]} ${exit.failure.name} ${exit.failure.item?.n}`)
  })
  const items = Array.from({ length: 1_500 }, (_, n) => n)
  const outcomes: unknown[] = []
  for await (const outcome of chain.run(items)) outcomes.push(outcome)
  expect(outcomes).toEqual(items.map(n => [n * 2, n * -2]))
  expect(chain.stats).toMatchObject({ accepted: 1_500, finished: 1_500, dead: 0 })
  expect(readdirSync(marks).toSorted()).toEqual(['exiting', 'killed'])
  expect(exits.toSorted()).toEqual(['fatal-exiting CellExit 301', 'fatal-killed CellKilled 601'])
})

test('a group is renewed as one when the thread of a member ends', async () => {
  const group = await node.addGroup({
    id: 'g',
    members: [
      { id: 'thread', run: behaviours.server, args: [1], isolation: 'thread' },
      { id: 'process', run: behaviours.server, args: [2], isolation: 'process' },
      { id: 'inline', run: behaviours.server, args: [3] },
    ],
  })
  const ids = ['thread', 'process', 'inline'] as const
  const places = () => Promise.all(ids.map(id => group.member(id).call.where()))
  const before = await places()
  for (const id of ids) await group.member(id).call.add(100)
  const again = new Promise<void>(resolve => {
    node.on('generation:run', ({ generation }) => (generation === 2 ? resolve() : undefined))
  })
  group.member('thread').cast.die('exit')
  await again
  const after = await places()
  expect(after[0]?.threadId).not.toBe(before[0]?.threadId)
  expect(after[1]?.pid).not.toBe(before[1]?.pid)
  expect(await Promise.all(ids.map(id => group.member(id).call.get()))).toEqual([1, 2, 3])
})

test.each(['inline', 'thread', 'process'] as const)(
  'a worker, %s, moves with its state when its node leaves',
  async isolation => {
    const start = (seeds: readonly string[]): Promise<Node> =>
      localNode({
        cluster,
        behaviours: [new URL('cell-behaviours.ts', import.meta.url).href],
        discovery: { mdns: false, seeds },
      })
    const cluster = `cell move ${randomUUID()}`
    const a = await start([])
    const b = await start(a.addresses)
    await Promise.all([a.formed(2), b.formed(2)])
    const worker = await a.addWorker({ id: 'w', run: behaviours.heir, isolation })
    expect(await worker.call.add(42)).toBe(42)
    worker.send('before the move')
    expect(await worker.call.heard()).toEqual(['before the move'])
    const [owner, other] = (await worker.call.node()) === a.id ? [a, b] : [b, a]
    const underWay = other.getWorker('w', behaviours.heir).with({ timeoutMs: PATIENCE_MS }).call.atTheEnd()
    // Whoever asks after it, has been heard after it.
    expect(await other.getWorker('w', behaviours.heir).call.node()).toBe(owner.id)
    await owner.stop()
    expect(await underWay).toBe('in time')
    const moved = other.getWorker('w', behaviours.heir)
    expect(await moved.with({ timeoutMs: PATIENCE_MS }).call.add(1)).toBe(43)
    expect(await moved.call.node()).toBe(other.id)
    // Only what it hands over goes along.
    expect(await moved.call.heard()).toEqual([])
    await other.stop()
  },
)
