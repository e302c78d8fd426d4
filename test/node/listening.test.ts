/** What `node.on` listens to, and what it refuses. */

import { expect, test } from 'vitest'

import { OptionsError } from '../../src/errors.ts'
import { EventBus } from '../../src/node/event-bus.ts'
import { NODE_EVENT_KINDS } from '../../src/node/events.ts'
import { simulate } from '../../src/testing.ts'
import { LogBook } from '../log-book.ts'
import { problemsOf } from './problems.ts'

test('an event that there is not is refused, with all that there are', async () => {
  await using mesh = await simulate({ nodes: 1 })
  const on = (kind: unknown, listener: unknown): unknown => Reflect.apply(node.on, node, [kind, listener])
  const node = mesh.node('n1')
  const names = NODE_EVENT_KINDS.join(', ')
  const wanted = `an event; there are ${names}`
  expect(names).toMatch(/^node:stalled, member:join, .*, spec:superseded$/)
  expect(problemsOf(() => on('nope', () => {}))).toEqual([{ path: 'kind', found: '"nope"', wanted }])
  expect(problemsOf(() => on('worker:exits', () => {}))).toMatchObject([
    { wanted: `an event: did you mean "worker:exit"?; there are ${names}` },
  ])
  expect(problemsOf(() => on(undefined, 5))).toEqual([
    { path: 'kind', found: 'nothing', wanted },
    { path: 'listener', found: '5', wanted: 'a function' },
  ])
  expect(problemsOf(() => on('worker:exit', undefined))).toMatchObject([{ path: 'listener' }])
  expect(problemsOf(() => on('toString', () => {}))).toMatchObject([{ path: 'kind' }])
  expect(() => on('nope', () => {})).toThrow(OptionsError)
})

test('what there is can be listened to, until one stops', () => {
  const bus = new EventBus(new LogBook())
  const told: string[] = []
  const off = bus.on('node:degraded', ({ kind }) => told.push(kind))
  bus.emit({ kind: 'node:degraded', health: 6 })
  bus.emit({ kind: 'node:stalled', durationMs: 300 })
  off()
  off()
  bus.emit({ kind: 'node:degraded', health: 7 })
  expect(told).toEqual(['node:degraded'])
})

test.each([
  [
    'that throws',
    () => {
      throw new Error('oh')
    },
  ],
  [
    'whose promise rejects',
    async () => {
      throw new Error('oh')
    },
  ],
  [
    'that rejects later',
    async () => {
      await nextTurn()
      throw new Error('oh')
    },
  ],
  // As of another library.
  [
    'whose thenable rejects',
    // oxlint-disable-next-line unicorn/no-thenable -- as of another library
    () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(new Error('oh')) }),
  ],
] as const)('a listener %s is logged with the event, and harms nobody', async (_what, listener) => {
  const log = new LogBook()
  const bus = new EventBus(log)
  const told: string[] = []
  const uncaught: unknown[] = []
  const note = (error: unknown): number => uncaught.push(error)
  process.on('unhandledRejection', note)
  try {
    Reflect.apply(bus.on, bus, ['node:degraded', listener])
    bus.on('node:degraded', ({ kind }) => void told.push(kind))
    bus.emit({ kind: 'node:degraded', health: 6 })
    expect(told).toEqual(['node:degraded'])
    for (let turns = 0; turns < 3; turns++) await nextTurn()
  } finally {
    process.off('unhandledRejection', note)
  }
  const facts = { error: expect.objectContaining({ message: 'oh' }), event: 'node:degraded' }
  expect(log.lines).toEqual([{ facts, message: 'a listener threw' }])
  expect(uncaught).toEqual([])
})

function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
