/** Work that could go on for ever lets others run. */

import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'

import { createNode, defineServer } from '../../src/index.ts'
import { Turn } from '../../src/node/turn.ts'

const TURNS = 50
const PATIENCE_MS = 10_000

const adder = defineServer('adder', {
  init: () => ({ total: 0 }),
  call: { add: state => (state.total += 1) },
})

test('a turn is over when it has lasted for more than 2 ms, and what was put off comes in the next one', () => {
  let nowMs = 100
  const due: (() => void)[] = []
  const turn = new Turn({
    nowMs: () => nowMs,
    wallMs: () => 0,
    after: (_delayMs, action) => {
      due.push(action)
      return () => {}
    },
  })
  const done: string[] = []
  expect(turn.isOver()).toBe(false)
  nowMs += 2
  expect(turn.isOver()).toBe(false)
  nowMs += 0.1
  expect(turn.isOver()).toBe(true)
  turn.defer(() => done.push('put off'))
  expect(done).toEqual([])
  expect(due).toHaveLength(1)
  due[0]?.()
  expect(done).toEqual(['put off'])
  expect(turn.isOver()).toBe(false)
})

test('whoever makes one local call after the other leaves the event loop to others now and then', async () => {
  await using node = await createNode({
    cluster: randomUUID(),
    behaviours: [adder],
    listen: [],
    discovery: { mdns: false },
    logger: false,
  })
  const worker = await node.addWorker({ id: 'w', run: adder })
  let turns = 0
  let isOver = false
  const count = (): void => {
    turns += 1
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const endMs = performance.now() + PATIENCE_MS
  const isShort = (): boolean => turns < TURNS && performance.now() < endMs
  let calls = 0
  do {
    calls += 1
    expect(await worker.call.add()).toBe(calls)
  } while (isShort())
  isOver = true
  expect(turns).toBeGreaterThanOrEqual(TURNS)
  // Not in a turn of its own for each call either.
  expect(calls).toBeGreaterThan(TURNS)
})
