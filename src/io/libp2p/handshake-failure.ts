// pure
/** Why somebody who has come did not get through the handshake: only what there is evidence for. */

import { isUndeciphered, textOf } from './dial-failure.ts'

const UNDECIPHERED = 'another cluster name or secret: give both the same, or take this node off its seeds'
const LATE = 'the handshake was not done in time: it is frozen, too busy, or no meshvisor'
const CUT_OFF =
  'the handshake broke off: it has ended or given up, or is no meshvisor; whoever is one says in its own log why'
const CUT_OFF_OF_MEMBERS =
  'the handshake broke off: members come from that address, so that most likely one of them was cut off or has ended; whoever is none says in its own log why'
const NO_MESHVISOR = 'what it says is no handshake: it is no meshvisor'

/**
 * What is to be said of a handshake that has failed on the side that was dialled. Who ends says nothing of its secret.
 * @param error what the upgrade has thrown
 * @param isHostOfMembers whether nodes that know the secret have been at its address
 */
export function handshakeFailure(error: unknown, isHostOfMembers: boolean): string {
  const text = textOf(error)
  if (isUndeciphered(text)) return UNDECIPHERED
  if (/time-?out|aborted/i.test(text)) return LATE
  if (/EOF|ECONNRESET|EPIPE|ECONNABORTED|closed|ended/.test(text)) {
    return isHostOfMembers ? CUT_OFF_OF_MEMBERS : CUT_OFF
  }
  return NO_MESHVISOR
}
