// pure
/** Which of two nodes dials the other: the one with the smaller id, so that they seldom meet halfway. */

import type { NodeId } from '../ids.ts'

/** So long the one with the larger id leaves the dialling to the other. */
const POLITE_WAIT_MS = 150

/**
 * And so long where others have told each of the other, as in a mesh that forms: a session takes a second or two there,
 * and one that is opened twice takes the time of two. Who cannot be dialled, although it listens, dials after that.
 */
const TOLD_WAIT_MS = 4_000

export class Courtesy {
  readonly #self: NodeId
  /** Others can dial this node, as far as it knows. */
  isListening = false

  constructor(self: NodeId) {
    this.#self = self
  }

  /** How long this node waits before it dials. */
  waitMs(peer: NodeId): number {
    return this.#isDue(peer) ? POLITE_WAIT_MS : 0
  }

  /** The same where the peer has been told of this node as well. */
  toldWaitMs(peer: NodeId): number {
    return this.#isDue(peer) ? TOLD_WAIT_MS : 0
  }

  #isDue(peer: NodeId): boolean {
    return this.isListening && this.#self > peer
  }
}
