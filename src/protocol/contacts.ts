// pure
/**
 * Whom to dial, and when: seeds, members and former members, for ever. A mesh that stops dialling the dead
 * never heals from a partition in which each side has declared the other dead.
 */

import type { NodeId } from '../ids.ts'
import type { DialFailure } from '../ports.ts'
import type { Prng } from '../prng.ts'
import type { Timings } from './timings.ts'

/** An order to dial: `key` names it in the outcome. */
export interface Dial {
  readonly key: string
  readonly addresses: readonly string[]
}

/** What went wrong with a dial. */
export interface DialProblem {
  readonly failure: DialFailure
  readonly reason: string
}

/** The last thing that went wrong on the way to somebody. */
export interface ContactProblem extends DialProblem {
  readonly address: string
}

interface Contact {
  readonly key: string
  addresses: readonly string[]
  /** Who answers there; unknown until a seed has been reached. */
  peer: NodeId | undefined
  dialling: boolean
  attempts: number
  dueMs: number
  problem: ContactProblem | undefined
}

/** How long the node with the larger id leaves the dialling to the other, so that they seldom meet halfway. */
const POLITE_WAIT_MS = 150

const BACKOFF_FACTOR = 1.5

/** All the dead together are dialled so often on average, as long as none of them waits longer than the maximum. */
const LOST_EVERY_MS = 500
const LOST_REDIAL_MAX_MS = 30_000

/** No more addresses are kept to be dialled; those who were never reached or are dead go first, the oldest of them. */
export const CONTACTS_MAX = 4096

export class Contacts {
  readonly #self: NodeId
  readonly #timings: Timings
  readonly #prng: Prng
  readonly #contacts = new Map<string, Contact>()
  readonly #up = new Set<NodeId>()
  /** Who has been declared dead, and is dialled all the same. */
  readonly #lost = new Set<NodeId>()
  /** When the next dial is due; undefined: to be found out. */
  #wakeMs: number | undefined

  constructor(self: NodeId, timings: Timings, prng: Prng) {
    this.#self = self
    this.#timings = timings
    this.#prng = prng
  }

  /** An address from the options: dialled at once. */
  addSeed(address: string, nowMs: number): void {
    this.#add(address, [address], nowMs)
  }

  /** The address is not one of the mesh any more. */
  removeSeed(address: string): void {
    this.#contacts.delete(address)
  }

  /** Where a member, or somebody found by mDNS, says that it listens. */
  note(peer: NodeId, addresses: readonly string[], nowMs: number): void {
    if (peer === this.#self || addresses.length === 0) return
    this.#lost.delete(peer)
    this.#wakeMs = undefined
    const known = this.#contacts.get(peer)
    if (known === undefined) {
      this.#add(peer, addresses, nowMs + this.#politeness(peer)).peer = peer
    } else if (known.addresses.join() !== addresses.join()) {
      known.addresses = addresses
      known.attempts = 0
      known.dueMs = nowMs + this.#politeness(peer)
    }
  }

  /** Somebody has been declared dead: dialled on, but the more dead there are, the more seldom. */
  lose(peer: NodeId): void {
    if (this.#contacts.has(peer)) this.#lost.add(peer)
  }

  /** Somebody who has left for good is not dialled any more. */
  forget(peer: NodeId): void {
    this.#contacts.delete(peer)
    this.#lost.delete(peer)
  }

  onPeerUp(peer: NodeId): void {
    this.#up.add(peer)
    this.#wakeMs = undefined
    for (const contact of this.#contacts.values()) if (contact.peer === peer) contact.attempts = 0
  }

  onPeerDown(peer: NodeId, nowMs: number): void {
    this.#up.delete(peer)
    this.#wakeMs = undefined
    const contact = this.#contacts.get(peer)
    if (contact !== undefined) contact.dueMs = nowMs + this.#politeness(peer)
  }

  /** Somebody has answered. A session should follow; where it does not, the contact is dialled again. */
  onDialled(key: string, peer: NodeId, nowMs: number): void {
    const contact = this.#contacts.get(key)
    if (contact === undefined) return
    contact.peer = peer
    contact.problem = undefined
    this.#postpone(contact, nowMs)
  }

  /** @returns the peer that was dialled, where it is known */
  onDialFailed(key: string, { failure, reason }: DialProblem, nowMs: number): NodeId | undefined {
    const contact = this.#contacts.get(key)
    if (contact === undefined) return undefined
    if (failure === 'self') {
      this.#contacts.delete(key)
      return undefined
    }
    this.#postpone(contact, nowMs)
    contact.problem = { address: contact.addresses[0] ?? key, failure, reason }
    return contact.peer
  }

  /** The dials that are due. */
  take(nowMs: number): Dial[] {
    const dials: Dial[] = []
    if (this.wakeAtMs() > nowMs) return dials
    this.#wakeMs = undefined
    for (const contact of this.#contacts.values()) {
      if (!this.#isWanted(contact) || contact.dueMs > nowMs) continue
      contact.dialling = true
      dials.push({ key: contact.key, addresses: contact.addresses })
    }
    return dials
  }

  /** When the next dial is due; Infinity: never, as things are. */
  wakeAtMs(): number {
    this.#wakeMs ??= this.#findWakeMs()
    return this.#wakeMs
  }

  /** What went wrong last with everybody who has not been reached, in the order in which they became known. */
  problems(): ContactProblem[] {
    const problems: ContactProblem[] = []
    for (const { peer, problem } of this.#contacts.values()) {
      if (problem !== undefined && (peer === undefined || !this.#up.has(peer))) problems.push(problem)
    }
    return problems
  }

  #findWakeMs(): number {
    let wakeAtMs = Infinity
    for (const contact of this.#contacts.values()) {
      if (this.#isWanted(contact)) wakeAtMs = Math.min(wakeAtMs, contact.dueMs)
    }
    return wakeAtMs
  }

  #add(key: string, addresses: readonly string[], dueMs: number): Contact {
    const contact: Contact = {
      key,
      addresses,
      peer: undefined,
      dialling: false,
      attempts: 0,
      dueMs,
      problem: undefined,
    }
    if (this.#contacts.size >= CONTACTS_MAX) this.#makeRoom()
    this.#contacts.set(key, contact)
    this.#wakeMs = undefined
    return contact
  }

  #makeRoom(): void {
    for (const [key, { peer }] of this.#contacts) {
      if (peer !== undefined && this.#up.has(peer)) continue
      this.#contacts.delete(key)
      if (peer !== undefined) this.#lost.delete(peer)
      return
    }
  }

  #postpone(contact: Contact, nowMs: number): void {
    const { redialMinMs, redialMaxMs } = this.#timings
    const isLost = contact.peer !== undefined && this.#lost.has(contact.peer)
    const lostMaxMs = Math.min(LOST_REDIAL_MAX_MS, this.#lost.size * LOST_EVERY_MS)
    const maxMs = isLost ? Math.max(redialMaxMs, lostMaxMs) : redialMaxMs
    const backoffMs = Math.min(maxMs, redialMinMs * BACKOFF_FACTOR ** contact.attempts)
    this.#wakeMs = undefined
    contact.dialling = false
    contact.attempts += 1
    contact.dueMs = nowMs + backoffMs * this.#prng.between(0.5, 1)
  }

  #isWanted(contact: Contact): boolean {
    return !contact.dialling && (contact.peer === undefined || !this.#up.has(contact.peer))
  }

  #politeness(peer: NodeId): number {
    return this.#self < peer ? 0 : POLITE_WAIT_MS
  }
}
