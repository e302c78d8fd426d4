import { expect, test } from 'vitest'

import { OWN_REDIAL_MS } from '../../src/protocol/contacts.ts'
import { Desk } from './desk.ts'

const UNREACHABLE = { failure: 'unreachable', reason: 'no answer' } as const

test('a seed that is this node itself is dialled again now and then: its address may lead to another one by then', () => {
  const desk = new Desk()
  const { contacts } = desk
  contacts.addSeed('/sim/floating', 0)
  expect(desk.until(0)).toEqual(['/sim/floating'])
  contacts.onDialFailed('/sim/floating', { failure: 'self', reason: 'this node itself' }, 0)
  expect(contacts.isLooking).toBe(false)
  expect(desk.until(OWN_REDIAL_MS - 1)).toEqual([])
  expect(contacts.problems()).toEqual([])
  expect(desk.until(OWN_REDIAL_MS)).toEqual(['/sim/floating'])
  expect(contacts.isLooking).toBe(false)
  expect(contacts.problems()).toEqual([])
  contacts.onDialFailed('/sim/floating', UNREACHABLE, OWN_REDIAL_MS)
  expect(contacts.problems()).toMatchObject([{ address: '/sim/floating', reason: 'no answer' }])
  expect(desk.until(OWN_REDIAL_MS + 1_000)).toContain('/sim/floating')
})
