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
