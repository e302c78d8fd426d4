/** The data plane finds what runs, in whatever order the rows of it come. */

import { expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { Bulletin } from '../../src/node/bulletin.ts'
import { Router } from '../../src/node/messaging/router.ts'
import { RUNNING, type SpecStatus } from '../../src/node/supervision/spec-status.ts'
import type { Claim } from '../../src/protocol/claim.ts'
import type { SpecRow } from '../../src/protocol/spec-row.ts'
import { STANDALONE } from './supervision/core-bench.ts'

const ID = specId('w')
const SLOT = slotId(ID)
const momentOf = (ms: number) => ({ ms, count: 0, node: nodeId('n1') })

/** It was removed, or stopped, and declared or started again: this one is of then. */
const AGAIN: Claim = {
  slot: SLOT,
  generation: 2,
  owner: { id: nodeId('n2'), boot: 1 },
  score: 7,
  seq: 1,
  state: 'running',
  specVersion: momentOf(3),
  restarts: [],
  failures: [],
}

const ROW: SpecRow = { id: ID, body: STANDALONE, desired: 'running', version: momentOf(1) }
const BETWEEN: Record<string, { readonly row: SpecRow; readonly status: SpecStatus }> = {
  removed: {
    row: { ...ROW, body: undefined, desired: 'stopped', version: momentOf(2) },
    status: { kind: 'removed' },
  },
  stopped: { row: { ...ROW, desired: 'stopped', version: momentOf(2) }, status: { kind: 'stopped' } },
}

test.each(Object.entries(BETWEEN))(
  'a claim that comes before it is heard that the worker was %s',
  (_, between) => {
    const router = new Router()
    const bulletin = new Bulletin(effect => {
      if (effect.kind === 'follow-spec') router.followSpec(effect.id, effect.body)
      else if (effect.kind === 'follow-claim') router.followClaim(effect.claim)
      else if (effect.kind === 'set-status') router.followStatus(effect.id, effect.status)
    })
    const claimOf = (row: SpecRow) => (row.body === undefined ? undefined : AGAIN)
    const follow = (row: SpecRow, status: SpecStatus): void =>
      bulletin.follow(row, { status, claim: claimOf(row), phase: undefined })
    follow(ROW, RUNNING)
    follow(between.row, between.status)
    follow(between.row, between.status)
    expect(router.find(SLOT)).toBeUndefined()
    follow({ ...ROW, version: momentOf(3) }, RUNNING)
    expect(router.find(SLOT)).toMatchObject({ owner: AGAIN.owner })
  },
)
