/** Of how many specs a node remembers how they did there. */

import { expect, test } from 'vitest'

import { slotId, specId } from '../../../src/ids.ts'
import { Ledger } from '../../../src/node/ledger.ts'
import { Declines, FAILED_STARTS_MAX, SPECS_MAX } from '../../../src/node/supervision/declines.ts'
import { Bench, b, row } from '../../protocol/bench.ts'
import { STANDALONE } from './core-bench.ts'

const NOW = { ms: 1_000, wallMs: 1_000 }
const behaviours = [STANDALONE.child.behaviour]

test(`of more than ${SPECS_MAX} specs that did not start, the first of which nothing is declined is forgotten`, () => {
  const { membership } = new Bench({ self: { behaviours } })
  const other = row(b, { behaviours })
  membership.merge(other, NOW)
  const ledger = new Ledger(membership, 1_000_000, () => {})
  ledger.onMemberChanged({ kind: 'member-changed', row: other, before: undefined, authored: false })
  const declines = new Declines({ ledger, onDeclined: () => {} })
  /** @returns whether it is declined after so many starts that have failed */
  const fail = (n: number, times = 1): boolean => {
    const id = specId(`w${n}`)
    if (ledger.tables.specs.get(id) === undefined)
      ledger.writeSpec({ id, body: STANDALONE, desired: 'running' }, NOW)
    const isDeclined = Array.from({ length: times }, () =>
      declines.onFailedStart(slotId(id), { kind: 'late', afterMs: 1 }, NOW),
    )
    return isDeclined.includes(true)
  }
  expect(fail(0, FAILED_STARTS_MAX)).toBe(true)
  for (let n = 1; n < SPECS_MAX; n++) expect(fail(n, FAILED_STARTS_MAX - 1)).toBe(false)
  expect(fail(SPECS_MAX)).toBe(false)
  // Of the first of them it is known how it did, and of the third; the second begins anew.
  expect([fail(0), fail(2), fail(1)]).toEqual([true, true, false])
})
