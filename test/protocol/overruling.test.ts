/** Who is told at once that what it has said is overruled. */

import { expect, test } from 'vitest'

import { type Run, nodeId, slotId, specId } from '../../src/ids.ts'
import type { Claim } from '../../src/protocol/claim.ts'
import { type MemberRow, memberRows } from '../../src/protocol/member-row.ts'
import { NO_ROWS } from '../../src/protocol/messages.ts'
import { overruling } from '../../src/protocol/overruling.ts'
import type { Phase } from '../../src/protocol/phase.ts'
import { RecordStore } from '../../src/protocol/record-store.ts'
import { Tables } from '../../src/protocol/tables.ts'

const runOf = (id: string): Run => ({ id: nodeId(id), boot: 1 })
const [here, there, elsewhere] = [runOf('here'), runOf('there'), runOf('elsewhere')]
const SPEC = specId('s')
const VERSION = { ms: 1, count: 0, node: here.id }

function claim(more: Partial<Claim>): Claim {
  const said = {
    generation: 5,
    owner: here,
    score: 2,
    seq: 0,
    state: 'running',
    restarts: [],
    failures: [],
  } as const
  return { slot: slotId(SPEC), specVersion: VERSION, ...said, ...more }
}

function phase(number: number, tag: number, coordinator: Run, owner: Run): Phase {
  const generation = { number, tag }
  return {
    spec: SPEC,
    specVersion: VERSION,
    revision: 1,
    generation,
    coordinator,
    layout: [{ slot: slotId(SPEC, 'm'), owner, since: generation, revision: 1, isNew: false }],
    away: [],
    pending: [],
    isFirst: false,
    previous: [],
    restarts: [],
    failures: [],
    since: [],
    rank: 'running',
    ready: [],
    exits: [],
    stopped: [],
    left: [],
  }
}

function member(status: MemberRow['status'], seq: number, boot = 1): MemberRow {
  const said = { name: 'x', addresses: [], role: 'member', weight: 1, labels: {}, behaviours: [] } as const
  return { id: there.id, boot, seq, status, protocol: { min: 1, max: 1 }, ...said }
}

interface Known {
  readonly member?: MemberRow
  readonly claim?: Claim
  readonly phase?: Phase
}

function tablesWith(known: Known): Tables {
  const tables = new Tables(new RecordStore<MemberRow>(memberRows))
  if (known.member !== undefined) tables.members.merge(known.member)
  if (known.claim !== undefined) tables.claims.merge(known.claim)
  if (known.phase !== undefined) tables.phases.merge(known.phase)
  return tables
}

test.each<[string, MemberRow, MemberRow, number]>([
  ['who lives by a later word is', member('alive', 3), member('dead', 2), 1],
  ['also where somebody doubts it', member('suspect', 3), member('dead', 2), 1],
  ['who has to say so itself is not', member('alive', 2), member('dead', 2), 0],
  ['who is gone here as well is not', member('dead', 3), member('dead', 2), 0],
  ['an earlier run is not', member('alive', 1, 2), member('dead', 2), 0],
  ['a doubt is not: the probes tell', member('alive', 3), member('suspect', 2), 0],
])('of a member: %s', (_, known, said, count) => {
  const rows = { ...NO_ROWS, members: [said] }
  expect(overruling(tablesWith({ member: known }), rows, here.id).members).toHaveLength(count)
})

test.each<[string, Partial<Claim>, Partial<Claim>, number]>([
  ['another owner of the same generation is', {}, { owner: there, score: 1 }, 1],
  ['an earlier generation, which it may have crossed, is not', {}, { owner: there, generation: 4 }, 0],
  ['the same owner is not', { seq: 3 }, { seq: 2 }, 0],
  ['whoever has won is not', {}, { owner: there, score: 3 }, 0],
  ['where another node owns it, is left to that one', { owner: elsewhere }, { owner: there, score: 1 }, 0],
])('of a claim: %s', (_, known, said, count) => {
  const rows = { ...NO_ROWS, claims: [claim(said)] }
  expect(overruling(tablesWith({ claim: claim(known) }), rows, here.id).claims).toHaveLength(count)
})

test.each<[string, Phase, Phase, number]>([
  ['another of the same number is', phase(5, 2, elsewhere, here), phase(5, 1, there, there), 1],
  ['also by whoever made it', phase(5, 2, here, elsewhere), phase(5, 1, there, there), 1],
  ['an earlier one is not', phase(5, 2, here, here), phase(4, 3, there, there), 0],
  ['the same one is not', phase(5, 2, here, here), phase(5, 2, here, here), 0],
  ['whoever has won is not', phase(5, 2, here, here), phase(5, 3, there, there), 0],
  [
    'where this node has no part in it, is left to others',
    phase(5, 2, elsewhere, elsewhere),
    phase(5, 1, there, there),
    0,
  ],
])('of a generation: %s', (_, known, said, count) => {
  const rows = { ...NO_ROWS, phases: [said] }
  expect(overruling(tablesWith({ phase: known }), rows, here.id).phases).toHaveLength(count)
})
