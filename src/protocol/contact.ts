// pure
/** Somebody to dial: who it is, where it may be, and what came of it so far. */

import { isLoopback } from '../address-scope.ts'
import type { NodeId } from '../ids.ts'
import { bareAddress } from '../multiaddress.ts'
import type { DialFailure } from '../ports.ts'
import { STILL_NO_ANSWER } from './awaited-seeds.ts'
import type { Present } from './present.ts'

/** Of what is claimed of one node, no more is dialled: as many as are kept of an earlier run. */
export const CLAIMED_MAX = 16

/** What went wrong with a dial. */
export interface DialProblem {
  readonly failure: DialFailure
  readonly reason: string
}

/** The last thing that went wrong on the way to somebody. */
export interface ContactProblem extends DialProblem {
  readonly address: string
}

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
    name: undefined,
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

/** Whether it is dialled where one of these leads, too. */
export function isAt({ addresses }: Contact, others: readonly string[]): boolean {
  const bare = new Set(others.map(bareAddress))
  return addresses.some(each => bare.has(bareAddress(each)))
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
 * why nothing comes. An address is known where somebody who is has it, with the name of that one, or with none.
 * @param told those whose rows are known; `isLocal`: all nodes are on this machine
 */
export function hasStrangers(
  contacts: readonly Contact[],
  { told, isLocal }: { readonly told: Pick<Present, 'has'>; readonly isLocal: boolean },
): boolean {
  const isTold = ({ peer }: Contact): boolean => told.has(peer)
  const addresses = contacts.filter(isTold).flatMap(each => each.addresses.flatMap(spellingsOf))
  // Of an address of loopback, another machine has one as well.
  const known = new Set(isLocal ? addresses : addresses.filter(each => !isLoopback(each)))
  const isStranger = (each: Contact): boolean =>
    each.problem === undefined && !isTold(each) && !each.addresses.some(address => known.has(address))
  return contacts.some(isStranger)
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

/** Somebody has answered there. */
export function answered(contact: Contact, peer: NodeId): void {
  contact.peer = peer
  contact.isBygone = false
  contact.isClaim = false
  contact.isOwn = false
  contact.isSilent = false
  contact.hasAnswered = true
  contact.problem = undefined
}

/** Where somebody says that it listens, or is claimed to: one of the two. */
export interface Told {
  readonly addresses: readonly string[] | undefined
  readonly claimed: readonly string[] | undefined
}

/** It has been told where it is. When that is news, it is dialled anew, from `dueMs` on. */
export function tell(contact: Contact, { addresses, claimed }: Told, dueMs: number): void {
  const before = addressesOf(contact).join()
  // Those of before stay, behind it: a stranger could put a lie in the place of the truth.
  if (claimed !== undefined)
    contact.claimed = [...new Set([...claimed, ...contact.claimed])].slice(0, CLAIMED_MAX)
  if (addresses !== undefined && contact.addresses.join() !== addresses.join()) {
    contact.addresses = addresses
    contact.claimed = []
    contact.hasAnswered = false
  }
  if (addressesOf(contact).join() === before) return
  contact.attempts = 0
  // What is claimed again and again does not make it wait again and again.
  contact.dueMs = claimed === undefined ? dueMs : Math.min(contact.dueMs, dueMs)
}

/** Whether what is dialled there need not be the peer: it names no address, or only such as are of this machine here. */
export function isElsewhere({ addresses, hasAnswered }: Contact, isLocal: boolean): boolean {
  return addresses.length === 0 || (!isLocal && !hasAnswered && addresses.every(isLoopback))
}

function spellingsOf(address: string): readonly string[] {
  return [address, bareAddress(address)]
}
