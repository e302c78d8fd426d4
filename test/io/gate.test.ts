import { beforeEach, expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { Gate, SHUT_OUT_MAX } from '../../src/io/libp2p/gate.ts'
import type { Clock } from '../../src/ports.ts'

let nowMs = 0
const clock: Clock = { nowMs: () => nowMs, wallMs: () => nowMs, after: () => () => {} }
const [a, b] = [nodeId('a'), nodeId('b')]

beforeEach(() => {
  nowMs = 0
})

test('who is shut out is let in when the time is up, and not before', () => {
  const gate = new Gate(undefined, clock)
  gate.shutOut(a, 100, 'it sent garbage')
  expect([gate.objection(a), gate.objection(b)]).toEqual(['shut out for a while: it sent garbage', undefined])
  nowMs = 99
  expect(gate.objection(a)).toBeDefined()
  nowMs = 100
  expect(gate.objection(a)).toBeUndefined()
})

test('a list lets in who is on it, as long as that one keeps the rules', () => {
  const gate = new Gate([a], clock)
  expect([gate.objection(a), gate.objection(b)]).toEqual([
    undefined,
    'it is not on the allow-list of this node',
  ])
  gate.shutOut(a, 100, 'it sent garbage')
  expect(gate.objection(a)).toMatch(/garbage/)
})

test(`no more than ${SHUT_OUT_MAX} are shut out: the one that has been for longest is forgotten`, () => {
  const gate = new Gate(undefined, clock)
  gate.shutOut(a, 100, 'first')
  gate.shutOut(b, 100, 'second')
  gate.shutOut(a, 100, 'again')
  for (let index = 0; index < SHUT_OUT_MAX - 1; index++) gate.shutOut(nodeId(`x${index}`), 100, 'more')
  expect([gate.objection(a), gate.objection(b)]).toEqual(['shut out for a while: again', undefined])
})
