// pure
/** What a node says of itself when it starts. */

import type { Run } from '../ids.ts'
import { PLACEMENT_VERSION } from '../placement/view.ts'
import type { MemberRow } from '../protocol/member-row.ts'
import type { NodeOptions } from './options.ts'

/** Of the id, which is long: enough to tell nodes apart in a log. */
const NAME_LENGTH = 6

/** The row of a run that is joining, without what it can run. */
export function describe(
  options: NodeOptions,
  run: Run,
  addresses: readonly string[],
): Omit<MemberRow, 'behaviours'> {
  return {
    ...run,
    seq: 1,
    status: 'joining',
    name: options.name ?? run.id.slice(-NAME_LENGTH),
    addresses,
    role: options.role,
    weight: options.weight,
    labels: options.labels,
    protocol: options.protocol,
    placementVersion: PLACEMENT_VERSION,
  }
}
