// pure
/** Whether as many nodes know of a change as its user has asked for. */

import { unreachable } from '../assert.ts'
import type { Ack } from './declarations.ts'
import type { Spread } from './spreading.ts'

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
