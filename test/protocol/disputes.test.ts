import { expect, test } from 'vitest'

import { Disputes } from '../../src/protocol/disputes.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { b, row } from './bench.ts'

const P = LAN_TIMINGS.probePeriodMs
const dead = row(b, { status: 'dead' })

/** One who has died at 0. */
function started(): Disputes {
  const disputes = new Disputes(LAN_TIMINGS)
  disputes.follow(dead, 0)
  return disputes
}

test('who is given something long after its death is waited for, once', () => {
  const disputes = started()
  disputes.hear({ id: b, boot: 1 }, 10 * P)
  expect([disputes.has({ id: b, boot: 1 }), disputes.wakeAtMs()]).toEqual([true, 14 * P])
  disputes.hear({ id: b, boot: 1 }, 12 * P)
  expect(disputes.take(14 * P - 1)).toEqual([])
  expect(disputes.take(14 * P)).toEqual([dead])
  disputes.hear({ id: b, boot: 1 }, 15 * P)
  expect([disputes.has({ id: b, boot: 1 }), disputes.wakeAtMs()]).toEqual([false, Infinity])
})

test('not where the others cannot have heard of its death yet, nor of another run of it', () => {
  const disputes = started()
  disputes.hear({ id: b, boot: 1 }, 2 * P)
  disputes.hear({ id: b, boot: 2 }, 10 * P)
  expect([1, 2].map(boot => disputes.has({ id: b, boot }))).toEqual([false, false])
})

test('nor any more once it has said that it lives, or is forgotten', () => {
  for (const end of [
    (disputes: Disputes) => disputes.follow(row(b, { seq: 2 }), 11 * P),
    (disputes: Disputes) => disputes.forget(b),
  ]) {
    const disputes = started()
    disputes.hear({ id: b, boot: 1 }, 10 * P)
    end(disputes)
    expect([disputes.has({ id: b, boot: 1 }), disputes.take(99 * P)]).toEqual([false, []])
  }
})
