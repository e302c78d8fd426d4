// pure
/**
 * Whom to dial, and when: seeds for ever, members, and the dead until they are forgotten, which is after a day. A mesh that
 * does not dial the dead never heals from a partition in which each side has declared the other dead.
 */

import { isLoopback } from '../address-scope.ts'
import type { NodeId } from '../ids.ts'
import type { Prng } from '../prng.ts'
import { AwaitedSeeds, STILL_NO_ANSWER } from './awaited-seeds.ts'
import {
  type Contact,
  type ContactProblem,
  type DialProblem,
  addressesOf,
  isSeed,
  makeContact,
  ownUntil,
} from './contact.ts'
import { type Rank, roomsMs } from './dial-ranks.ts'
import { Lull } from './lull.ts'
import type { Timings } from './timings.ts'

/** An order to dial: `key` names it in the outcome. */
export interface Dial {
  readonly key: string
  readonly addresses: readonly string[]
}

/** How long the node with the larger id leaves the dialling to the other, so that they seldom meet halfway. */
const POLITE_WAIT_MS = 150

/**
 * And so long where others have told each of the other, as in a mesh that forms: a session takes a second or two there,
 * and one that is opened twice takes the time of two. Who cannot be dialled, although it listens, dials after that.
 */
const TOLD_WAIT_MS = 4_000

const BACKOFF_FACTOR = 1.5

/** Where no more addresses are known, as in a mesh of three, sessions cost little: none of them has to wait. */
const FEW = 3

/** A seed at which this node meets itself may lead to another one by then: an address moves, and so does what a name means. */
export const OWN_REDIAL_MS = 60_000

/** All the dead together are dialled so often on average, as long as none of them waits longer than the maximum. */
const LOST_EVERY_MS = 500
const LOST_REDIAL_MAX_MS = 30_000

/**
 * No more addresses are kept to be dialled. What anybody may have claimed goes first, then those who were never reached or
 * are dead, the oldest of them: a stranger must not make a node forget where its mesh is.
 */
export const CONTACTS_MAX = 4096

/** Of what is claimed of one node, no more is dialled: as many as are kept of an earlier run. */
const CLAIMED_MAX = 16

const UNRESOLVED = 'the name has not been looked up yet: the resolver of this machine has not answered'

interface Listener {
  readonly id: NodeId
  readonly addresses: readonly string[]
}

export class Contacts {
  readonly #self: NodeId
  /** Others can dial this node, as far as it knows. */
  readonly #isListening: boolean
  /** Others can do so on this machine only. */
  readonly #isLocal: boolean
  readonly #timings: Timings
  readonly #prng: Prng
  readonly #contacts = new Map<string, Contact>()
  readonly #up = new Set<NodeId>()
  /** Who takes part, as others tell. */
  readonly #present = new Set<NodeId>()
  /** Who has been declared dead, and is dialled all the same. */
  readonly #lost = new Set<NodeId>()
  /** When the next dial is due; undefined: to be found out. */
  #wakeMs: number | undefined
  /** The seeds that are dialled and have not been told of as silent. */
  readonly #awaited = new AwaitedSeeds()
  readonly #lull = new Lull()

  constructor(self: Listener, timings: Timings, prng: Prng) {
    this.#self = self.id
    this.#isListening = self.addresses.length > 0
    this.#isLocal = self.addresses.every(isLoopback)
    this.#timings = timings
    this.#prng = prng
  }

  /** A name that is being looked up: looked for until `addSeed` or `removeSeed` tells what has come of it. */
  awaitSeed(name: string): void {
    this.#add(name, [], Infinity)
  }

  /** An address from the options: dialled at once. */
  addSeed(address: string, nowMs: number): void {
    this.#add(address, [address], nowMs)
  }

  /** The address is not one of the mesh any more. */
  removeSeed(address: string): void {
    this.#contacts.delete(address)
    this.#awaited.end(address)
    this.#wakeMs = undefined
  }

  /** Where somebody is found, who need not know of this node: by mDNS, or from an earlier run. */
  find(peer: NodeId, addresses: readonly string[], nowMs: number): void {
    const isKnown = this.#contacts.has(peer)
    this.#note(peer, { claimed: addresses.slice(0, CLAIMED_MAX) }, nowMs + this.#politeness(peer))
    const contact = this.#contacts.get(peer)
    if (contact !== undefined && !isKnown) contact.isClaim = true
  }

  /** Where a member says that it listens: it is told of this node just as well. */
  note(peer: NodeId, addresses: readonly string[], nowMs: number): void {
    this.#note(peer, { addresses }, nowMs + (this.#isPolite(peer) ? TOLD_WAIT_MS : 0))
    const contact = this.#contacts.get(peer)
    if (contact === undefined) return
    contact.isClaim = false
    this.#present.add(peer)
    const isNew = contact.wait === 'none' && contact.begunMs === undefined && !this.#isUp(contact)
    if (!isNew || this.#contacts.size <= FEW) return
    contact.wait = 'waiting'
    this.#lull.onMember(this.#contacts.size, nowMs)
    this.#wakeMs = undefined
  }

  /** What is claimed is dialled as well as what the node says itself, and not in its place: then a stranger could hide it. */
  #note(
    peer: NodeId,
    { addresses, claimed }: { readonly addresses?: readonly string[]; readonly claimed?: readonly string[] },
    dueMs: number,
  ): void {
    if (peer === this.#self || (addresses ?? claimed ?? []).length === 0) return
    this.#lost.delete(peer)
    this.#wakeMs = undefined
    const contact = this.#contacts.get(peer) ?? this.#add(peer, [], dueMs)
    const before = addressesOf(contact).join()
    contact.peer = peer
    if (claimed !== undefined) contact.claimed = claimed
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

  /** Somebody has been declared dead: dialled on, but the more dead there are, the more seldom. */
  lose(peer: NodeId): void {
    this.#present.delete(peer)
    const contact = this.#contacts.get(peer)
    if (contact === undefined) return
    contact.wait = 'over'
    this.#lost.add(peer)
    this.#wakeMs = undefined
  }

  /** Somebody who has left for good, or is dead for so long that it is forgotten, is not dialled any more. */
  forget(peer: NodeId): void {
    this.#contacts.delete(peer)
    this.#present.delete(peer)
    this.#lost.delete(peer)
    this.#wakeMs = undefined
  }

  onPeerUp(peer: NodeId): void {
    this.#up.add(peer)
    this.#wakeMs = undefined
    for (const contact of this.#contacts.values()) {
      if (contact.peer !== peer) continue
      contact.attempts = 0
      contact.isSilent = false
      contact.isClaim = false
    }
  }

  onPeerDown(peer: NodeId, nowMs: number): void {
    this.#up.delete(peer)
    this.#wakeMs = undefined
    this.#lull.onPeerDown()
    const contact = this.#contacts.get(peer)
    if (contact === undefined) return
    // Its row may have come after its session, and will be told again when others accuse it: that must not make it wait.
    contact.wait = 'over'
    contact.attempts = 0
    contact.dueMs = nowMs + this.#politeness(peer)
  }

  /** A member has started anew, and says that it listens at these addresses. */
  onNewRun(peer: NodeId, addresses: readonly string[]): void {
    for (const contact of this.#contacts.values())
      if (contact.peer === peer) contact.isBygone = !contact.addresses.some(each => addresses.includes(each))
  }

  /** Somebody has answered. A session should follow; where it does not, the contact is dialled again. */
  onDialled(key: string, peer: NodeId, nowMs: number): void {
    const contact = this.#contacts.get(key)
    if (contact === undefined) return
    contact.peer = peer
    contact.isBygone = false
    contact.isClaim = false
    contact.isOwn = false
    contact.isSilent = false
    contact.hasAnswered = true
    contact.problem = undefined
    if (contact.begunMs !== undefined) this.#lull.onSession(nowMs - contact.begunMs, nowMs)
    this.#postpone(contact, nowMs)
  }

  /** @returns the peer that ought to be there, where it is known: not where others have claimed it, or it was earlier */
  onDialFailed(key: string, { failure, reason }: DialProblem, nowMs: number): NodeId | undefined {
    const contact = this.#contacts.get(key)
    if (contact === undefined) return undefined
    if (failure === 'self') {
      this.#postpone(contact, nowMs)
      if (isSeed(contact)) ownUntil(contact, nowMs + OWN_REDIAL_MS)
      else this.#contacts.delete(key)
      return undefined
    }
    contact.isOwn = false
    this.#lull.onDialFailed()
    this.#postpone(contact, nowMs)
    contact.problem = { address: addressesOf(contact)[0] ?? key, failure, reason }
    return contact.isBygone || this.#isElsewhere(contact) ? undefined : contact.peer
  }

  /** Whether what is dialled there need not be the peer: it names no address, or only such as are of this machine here. */
  #isElsewhere({ addresses, hasAnswered }: Contact): boolean {
    return addresses.length === 0 || (!this.#isLocal && !hasAnswered && addresses.every(isLoopback))
  }

  /** The dials that are due, as far as there is room for them. */
  take(nowMs: number): Dial[] {
    if (this.wakeAtMs() > nowMs) return []
    this.#wakeMs = undefined
    this.#lull.tick(nowMs)
    const dials: Dial[] = []
    for (;;) {
      // Anew each time: the first of those that have waited makes the others wait on.
      const contact = this.#next(nowMs)
      if (contact === undefined) return dials
      if (contact.wait === 'waiting') this.#lull.onDial(nowMs)
      contact.wait = 'over'
      contact.begunMs = nowMs
      this.#listen(contact, nowMs)
      dials.push({ key: contact.key, addresses: addressesOf(contact) })
    }
  }

  /** Whoever has waited longest, of those for whom there is room: so none waits for ever, whoever else does not answer. */
  #next(nowMs: number): Contact | undefined {
    const rooms = this.#rooms()
    let next: Contact | undefined
    for (const contact of this.#contacts.values()) {
      const isDue = this.#isWanted(contact) && this.#dueMs(contact) <= nowMs
      if (!isDue || rooms[this.#rankOf(contact)] > nowMs) continue
      if (next === undefined || this.#dueMs(contact) < this.#dueMs(next)) next = contact
    }
    return next
  }

  /** The seeds whose dials have had no outcome for long: each once, until somebody has answered there. */
  takeSilent(nowMs: number): { readonly key: string; readonly reason: string }[] {
    const silent = []
    for (const { key, begunMs } of this.#awaited.take(nowMs)) {
      const contact = this.#contacts.get(key)
      if (contact?.begunMs !== begunMs || this.#isUp(contact)) continue
      contact.isSilent = true
      silent.push({ key, reason: STILL_NO_ANSWER })
    }
    return silent
  }

  /** When `takeSilent` is due; Infinity: never, as things are. */
  silentAtMs(): number {
    return this.#awaited.wakeAtMs()
  }

  /** When the next dial is due; Infinity: never, as things are. */
  wakeAtMs(): number {
    this.#wakeMs ??= this.#findWakeMs()
    return this.#wakeMs
  }

  /** Whether there is somebody of whom nothing has come yet: neither a session, nor a reason why there is none. */
  get isLooking(): boolean {
    return [...this.#contacts.values()].some(
      each => each.problem === undefined && !each.isOwn && !this.#isUp(each),
    )
  }

  /** What went wrong last with everybody who has not been reached, in the order in which they became known. */
  problems(): ContactProblem[] {
    const problems: ContactProblem[] = []
    for (const contact of this.#contacts.values()) {
      if (contact.isOwn || this.#isUp(contact)) continue
      const { problem, begunMs, dueMs, addresses, key } = contact
      const reason = dueMs === Infinity ? UNRESOLVED : contact.isSilent ? STILL_NO_ANSWER : 'no answer yet'
      if (problem !== undefined) problems.push(problem)
      else if (begunMs !== undefined || dueMs === Infinity)
        problems.push({ address: addresses[0] ?? key, failure: 'unreachable', reason })
    }
    return problems
  }

  #findWakeMs(): number {
    const rooms = this.#rooms()
    let wakeAtMs = Infinity
    for (const contact of this.#contacts.values()) {
      if (!this.#isWanted(contact)) continue
      const dueMs = this.#dueMs(contact)
      const readyMs = dueMs === Infinity ? this.#lull.wakeAtMs() : dueMs
      wakeAtMs = Math.min(wakeAtMs, Math.max(readyMs, rooms[this.#rankOf(contact)]))
    }
    return wakeAtMs
  }

  #rooms(): Readonly<Record<Rank, number>> {
    return roomsMs(
      [...this.#contacts.values()].flatMap(each =>
        each.begunMs === undefined ? [] : { rank: this.#rankOf(each), begunMs: each.begunMs },
      ),
    )
  }

  #rankOf({ peer, attempts, isClaim }: Contact): Rank {
    if (isClaim) return 'claimed'
    if (peer !== undefined && this.#present.has(peer)) return attempts === 0 ? 'member' : 'possible'
    if (attempts === 0) return 'possible'
    return peer === undefined ? 'unknown' : 'gone'
  }

  /** Members are told of otherwise: only a seed may be silent, and nobody knows why. */
  #listen({ key, addresses, isSilent }: Contact, nowMs: number): void {
    if (addresses[0] === key && !isSilent) this.#awaited.onDial(key, nowMs)
  }

  #add(key: string, addresses: readonly string[], dueMs: number): Contact {
    const contact = makeContact(key, addresses, dueMs)
    if (this.#contacts.size >= CONTACTS_MAX) this.#makeRoom()
    this.#contacts.set(key, contact)
    this.#wakeMs = undefined
    return contact
  }

  #makeRoom(): void {
    const apart = [...this.#contacts.values()].filter(contact => !this.#isUp(contact))
    const spared = apart.find(({ isClaim }) => isClaim) ?? apart[0]
    if (spared === undefined) return
    this.#contacts.delete(spared.key)
    this.#awaited.end(spared.key)
    if (spared.peer !== undefined) this.#lost.delete(spared.peer)
  }

  #postpone(contact: Contact, nowMs: number): void {
    const { redialMinMs, redialMaxMs } = this.#timings
    const isLost = contact.peer !== undefined && this.#lost.has(contact.peer)
    const lostMaxMs = Math.min(LOST_REDIAL_MAX_MS, this.#lost.size * LOST_EVERY_MS)
    const maxMs = isLost ? Math.max(redialMaxMs, lostMaxMs) : redialMaxMs
    const backoffMs = Math.min(maxMs, redialMinMs * BACKOFF_FACTOR ** contact.attempts)
    this.#wakeMs = undefined
    contact.begunMs = undefined
    this.#awaited.end(contact.key)
    contact.attempts += 1
    contact.dueMs = nowMs + backoffMs * this.#prng.between(0.5, 1)
  }

  #isWanted(contact: Contact): boolean {
    return contact.begunMs === undefined && !this.#isUp(contact)
  }

  #isUp({ peer }: Contact): boolean {
    return peer !== undefined && this.#up.has(peer)
  }

  /** Infinity: not before the lull has ended. */
  #dueMs({ dueMs, wait, peer }: Contact): number {
    if (wait !== 'waiting') return dueMs
    const politenessMs = peer !== undefined && this.#isPolite(peer) ? TOLD_WAIT_MS : 0
    return Math.max(dueMs, this.#lull.endedMs + politenessMs)
  }

  #politeness(peer: NodeId): number {
    return this.#isPolite(peer) ? POLITE_WAIT_MS : 0
  }

  #isPolite(peer: NodeId): boolean {
    return this.#isListening && this.#self > peer
  }
}
