// pure
/** Somebody to dial: who it is, where it may be, and what came of it so far. */

import type { NodeId } from '../ids.ts'
import type { DialFailure } from '../ports.ts'

/** What went wrong with a dial. */
export interface DialProblem {
  readonly failure: DialFailure
  readonly reason: string
}

/** The last thing that went wrong on the way to somebody. */
export interface ContactProblem extends DialProblem {
  readonly address: string
}

/** Somebody to dial. */
export interface Contact {
  readonly key: string
  /** Where it is itself said to listen, by its row, or a seed. May be empty. */
  addresses: readonly string[]
  /** Where else it may be, as anybody can have claimed, or it was in an earlier run. May be empty. */
  claimed: readonly string[]
  /** Anybody in the network can have claimed it: it was not reached, and nobody of the mesh has told of it. */
  isClaim: boolean
  /** Who answers there; unknown until a seed has been reached. */
  peer: NodeId | undefined
  /** An earlier run was there: that nobody listens there says nothing of this one, until it has answered there, too. */
  isBygone: boolean
  /** When the dial began that is under way; undefined: none is. */
  begunMs: number | undefined
  /** It is this node itself that has answered there last. */
  isOwn: boolean
  /** Its dial has had no outcome for long, and that was told; so until somebody answers. */
  isSilent: boolean
  /** It has answered, and has said nothing else of where it listens since. */
  hasAnswered: boolean
  attempts: number
  dueMs: number
  /** `waiting`: others have told of it, so it is seen already, and a session can wait. `over`: dialled, or met before. */
  wait: 'none' | 'waiting' | 'over'
  problem: ContactProblem | undefined
}

/** One that was not dialled yet. */
export function makeContact(key: string, addresses: readonly string[], dueMs: number): Contact {
  return {
    key,
    addresses,
    claimed: [],
    isClaim: false,
    peer: undefined,
    isBygone: false,
    begunMs: undefined,
    isOwn: false,
    isSilent: false,
    hasAnswered: false,
    attempts: 0,
    dueMs,
    wait: 'none',
    problem: undefined,
  }
}

/** Where it is dialled, what is sure first; each once. */
export function addressesOf({ addresses, claimed }: Contact): readonly string[] {
  return claimed.length === 0 ? addresses : [...new Set([...addresses, ...claimed])]
}

/** Whether it is known by an address or a name, from the options, and not by who it is. */
export function isSeed({ key, peer }: Contact): boolean {
  return key !== peer
}

/** This node has met itself there: who was there before is not, and nothing is wrong. */
export function ownUntil(contact: Contact, dueMs: number): void {
  contact.isOwn = true
  contact.peer = undefined
  contact.problem = undefined
  contact.dueMs = dueMs
}
