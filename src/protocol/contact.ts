// pure
/** Somebody to dial: who it is, where it may be, and what came of it so far. */

import { isLoopback } from '../address-scope.ts'
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

/**
 * A dial of a seed that has no outcome by then is told of, and goes on. Whoever is frozen is broken off after twice that time
 * only, as an honest node that forms with thirty others on two cores takes up to ten seconds for a session.
 */
export const SILENCE_MS = 10_000

export const STILL_NO_ANSWER = `no answer for ${SILENCE_MS / 1_000} s, and it is still waited for: its process is frozen or too busy, or is no meshvisor, or nothing comes back from its host; check what listens there`

const UNRESOLVED = 'the name has not been looked up yet: the resolver of this machine has not answered'

/** Somebody to dial. */
export interface Contact {
  readonly key: string
  /** What a seed was found by. */
  name: string | undefined
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
    name: undefined,
    addresses,
    claimed: [],
    isClaim: false,
    peer: undefined,
    isBygone: false,
    begunMs: undefined,
    isSilent: false,
    hasAnswered: false,
    attempts: 0,
    dueMs,
    wait: 'none',
    problem: undefined,
  }
}

/**
 * Where it is dialled now. First only where it says itself that it listens: what a stranger has claimed could hold up the
 * dial, or hide that all of those refuse.
 */
export function addressesToDial(contact: Contact): readonly string[] {
  const isFirst = contact.attempts === 0 && contact.addresses.length > 0
  return isFirst ? contact.addresses : addressesOf(contact)
}

/** Where it may be, what is sure first; each once. */
export function addressesOf({ addresses, claimed }: Contact): readonly string[] {
  return claimed.length === 0 ? addresses : [...new Set([...addresses, ...claimed])]
}

/** Why there is no session with it, for people; undefined where nothing was tried yet. */
export function findProblem(contact: Contact): ContactProblem | undefined {
  const { problem, begunMs, dueMs, addresses, key, isSilent } = contact
  if (problem !== undefined || (begunMs === undefined && dueMs !== Infinity)) return problem
  const reason = dueMs === Infinity ? UNRESOLVED : isSilent ? STILL_NO_ANSWER : 'no answer yet'
  return { address: addresses[0] ?? key, failure: 'unreachable', reason }
}

/**
 * Whether there is any among them of whom nothing is known: neither who it is, by its own row or as others tell, nor a reason
 * why nothing comes. An address is known where somebody who is has it.
 * @param told those whose rows are known; `isLocal`: all nodes are on this machine
 */
export function hasStrangers(
  contacts: readonly Contact[],
  { told, isLocal }: { readonly told: ReadonlySet<NodeId>; readonly isLocal: boolean },
): boolean {
  const isTold = ({ peer }: Contact): boolean => peer !== undefined && told.has(peer)
  const addresses = contacts.filter(isTold).flatMap(each => each.addresses)
  // Of an address of loopback, another machine has one as well.
  const known = new Set(isLocal ? addresses : addresses.filter(each => !isLoopback(each)))
  const isStranger = (each: Contact): boolean =>
    each.problem === undefined && !isTold(each) && !each.addresses.some(address => known.has(address))
  return contacts.some(isStranger)
}
