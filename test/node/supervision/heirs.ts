/** A member of a group that is to start with what its predecessor has left behind. */

import { type Run, nodeId, slotId, specId } from '../../../src/ids.ts'
import type { Phase, PlacedSlot } from '../../../src/protocol/phase.ts'

const runOf = (id: string): Run => ({ id: nodeId(id), boot: 1 })
export const [here, there, elsewhere] = [runOf('here'), runOf('there'), runOf('elsewhere')]
export const GROUP = specId('g')
export const SLOT = slotId(GROUP, 'm')
export const since = { number: 3, tag: 1 }
export const SUCCESSOR: PlacedSlot = {
  slot: SLOT,
  owner: here,
  since: { number: 4, tag: 1 },
  revision: 1,
  isNew: false,
  legacy: { owner: there, since },
}
export const PHASE: Phase = {
  spec: GROUP,
  specVersion: { ms: 1, count: 0, node: here.id },
  revision: 1,
  generation: SUCCESSOR.since,
  coordinator: here,
  layout: [SUCCESSOR],
  away: [],
  pending: [SLOT],
  isFirst: false,
  previous: [],
  restarts: [],
  failures: [],
  since: [],
  rank: 'starting',
  ready: [],
  exits: [],
  stopped: [],
  left: [],
}
