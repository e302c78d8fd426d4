// pure
/** Whether as many nodes know of a change as its user has asked for. */

import { unreachable } from '../assert.ts'
import { AckError } from '../errors.ts'
import type { SpecId } from '../ids.ts'
import type { Ack, DeclareOptions } from './declare-options.ts'
import type { Spread } from './spreading.ts'

/** How to tell others of what was written. */
export interface SpreadOptions extends DeclareOptions {
  /** Whether it is something that was added, and goes again where too few confirm it. */
  readonly isTakenBack?: () => boolean
}

export function isAcknowledged(ack: Ack | 'connected', { merged, waiting, members }: Spread): boolean {
  switch (ack) {
    case 'local':
      return true
    case 'one':
      return merged > 0 || waiting === 0
    case 'connected':
      return waiting === 0
    case 'majority':
      return merged + 1 > members / 2
    case 'all':
      return merged + 1 >= members
    default:
      return unreachable(ack)
  }
}

/** Too few have confirmed it in time. `isTakenBack`: it was added, and goes again for that. */
export function lackOf(
  id: SpecId,
  { merged }: Spread,
  how: {
    readonly ack: Ack | 'connected'
    readonly timeoutMs: number
    readonly isTakenBack: boolean
  },
): AckError {
  const { ack, timeoutMs, isTakenBack } = how
  const left = isTakenBack
    ? 'what was to be added was taken back'
    : 'what was changed stays written, and goes on to the others'
  const few = merged === 1 ? '1 other node has' : `${merged} other nodes have`
  return new AckError(`only ${few} confirmed "${id}" within ${timeoutMs} ms, not: ${ack}; ${left}`)
}
