// pure
/** Whether as many nodes know of a change as its user has asked for. */

import { unreachable } from '../assert.ts'
import type { Ack } from './declarations.ts'

/** `merged`: of other nodes; `waiting`: connected ones that have not answered yet; `members`: with this one. */
export function isAcknowledged(
  ack: Ack | 'connected',
  by: { readonly merged: number; readonly waiting: number; readonly members: number },
): boolean {
  const { merged, waiting, members } = by
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
