/** What the logger for who brings none writes: one line each, whatever it is given. */

import { inspect } from 'node:util'

import { afterEach, expect, test, vi } from 'vitest'

import { stderrLogger } from '../../src/io/system/loggers.ts'
import { EventBus } from '../../src/node/event-bus.ts'

const cycle: Record<string, unknown> = { name: 'round' }
cycle['self'] = cycle

function refuse(): never {
  throw new Error('do not look')
}
const shy = { toJSON: refuse, [inspect.custom]: refuse }

const lines: string[] = []

function listen(): void {
  vi.spyOn(process.stderr, 'write').mockImplementation(text => lines.push(String(text)) > 0)
}

afterEach(() => {
  vi.restoreAllMocks()
  lines.length = 0
})

test.each([
  ['a text', 'such', 'such'],
  ['an error', new TypeError('no'), 'TypeError: no'],
  ['a plain object', { a: [1, 'b'] }, '{"a":[1,"b"]}'],
  ['nothing', undefined, 'undefined'],
  ['a large number', { n: 7n }, '{ n: 7n }'],
  ['what has a cycle', cycle, "<ref *1> { name: 'round', self: [Circular *1] }"],
  ['what cannot be looked at', shy, 'what cannot be shown'],
])('the default logger writes %s', (_, error, shown) => {
  listen()
  stderrLogger.error({ error, event: 'e' }, 'a listener threw')
  expect(lines).toEqual([`meshvisor error: a listener threw error=${shown} event=e\n`])
})

test('the default logger writes one line of what Node shows in many', () => {
  listen()
  const error = { n: 7n, cause: new RangeError('out'), a: { b: { c: {} } } }
  stderrLogger.error({ error }, 'a listener threw')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^meshvisor error: a listener threw error=.*7n.*RangeError: out.*\n$/)
})

test('whatever a listener throws, the default logger tells of it, and the next listener is told of the event', async () => {
  listen()
  const bus = new EventBus(stderrLogger)
  const told: string[] = []
  bus.on('node:degraded', () => {
    throw cycle
  })
  bus.on('node:degraded', () => Promise.reject(cycle))
  bus.on('node:degraded', ({ kind }) => told.push(kind))
  bus.emit({ kind: 'node:degraded', health: 6 })
  expect(told).toEqual(['node:degraded'])
  await vi.waitFor(() => expect(lines).toHaveLength(2))
  for (const line of lines) expect(line).toContain('Circular')
})
