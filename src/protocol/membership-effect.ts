// pure
/** What membership is told, what it wants done, and what it has concluded. */

import type { NodeId, Run } from '../ids.ts'
import type { Prng } from '../prng.ts'
import type { MemberRow } from './member-row.ts'
import type { Message } from './messages.ts'
import type { ReachChange } from './reach.ts'
import type { Timings } from './timings.ts'

export type MembershipEffect =
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: Message }
  | { readonly kind: 'dial'; readonly key: string; readonly addresses: readonly string[] }
  /** The dial of a seed has had no outcome for long. It goes on. */
  | { readonly kind: 'dial-silent'; readonly key: string; readonly reason: string }
  /** The session with the peer carries nothing any more: end it, so that another one can be dialled. */
  | { readonly kind: 'renew'; readonly peer: NodeId }
  /** `authored`: concluded here, so that others must be told. */
  | {
      readonly kind: 'member-changed'
      readonly row: MemberRow
      readonly before: MemberRow | undefined
      readonly authored: boolean
    }
  /** This node is so late itself that it does not judge others any more. */
  | { readonly kind: 'degraded'; readonly health: number }
  | ({ readonly kind: 'reach-changed' } & ReachChange)
  /** A newer run with the same key is in the mesh: this one must end. */
  | { readonly kind: 'replaced'; readonly by: Run }

/** What membership needs. */
export interface MembershipInit {
  readonly self: MemberRow
  readonly timings: Timings
  /** See `PUSHED_MAX`. */
  readonly pushedMax: number
  readonly prng: Prng
  readonly now: Moment
  /** Whether some row still names this run, so that it must not be forgotten. */
  readonly isNamed: (run: Run) => boolean
  readonly emit: (effect: MembershipEffect) => void
}

/** The messages that are about membership alone. */
export type MemberMessage = Message & {
  kind: 'probe' | 'probe-ack' | 'probe-request' | 'probe-report' | 'accusations'
}

/** The time: `ms` for waits, and `wallMs` for what has happened while the machine slept. */
export interface Moment {
  readonly ms: number
  readonly wallMs: number
}
