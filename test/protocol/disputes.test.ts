import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { Disputes } from '../../src/protocol/disputes.ts'
import type { MemberRow } from '../../src/protocol/member-row.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'

const b = nodeId('b')
const P = LAN_TIMINGS.probePeriodMs
const row = (status: MemberRow['status'], more: Partial<MemberRow> = {}): MemberRow => ({
  id: b,
  boot: 1,
  seq: 1,
  status,
  name: 'b',
  addresses: [],
  role: 'member',
  weight: 1,
  labels: {},
  behaviours: [],
  protocol: { min: 1, max: 1 },
  ...more,
})

/** One who has died at 0. */
function started(): Disputes {
  const disputes = new Disputes(LAN_TIMINGS)
  disputes.follow(row('dead'), 0)
  return disputes
}

test('who is given something long after its death is waited for, once', () => {
  const disputes = started()
  disputes.hear({ id: b, boot: 1 }, 10 * P)
  expect([disputes.has({ id: b, boot: 1 }), disputes.wakeAtMs()]).toEqual([true, 14 * P])
  disputes.hear({ id: b, boot: 1 }, 12 * P)
  expect(disputes.take(14 * P - 1)).toEqual([])
  expect(disputes.take(14 * P)).toEqual([row('dead')])
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
    (disputes: Disputes) => disputes.follow(row('alive', { seq: 2 }), 11 * P),
    (disputes: Disputes) => disputes.forget(b),
  ]) {
    const disputes = started()
    disputes.hear({ id: b, boot: 1 }, 10 * P)
    end(disputes)
    expect([disputes.has({ id: b, boot: 1 }), disputes.take(99 * P)]).toEqual([false, []])
  }
})
