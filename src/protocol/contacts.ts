// pure
/**
 * Whom to dial, and when: seeds for ever, members, and the dead until they are forgotten, which is after a day. A mesh that
 * does not dial the dead never heals from a partition in which each side has declared the other dead.
 */

import { isIpv6, isLoopback } from '../address-scope.ts'
import type { NodeId } from '../ids.ts'
import type { DialFailure } from '../ports.ts'
import type { Prng } from '../prng.ts'
import { AwaitedSeeds, STILL_NO_ANSWER } from './awaited-seeds.ts'
import type { Contact, ContactProblem, DialProblem } from './contact.ts'
import { addressesOf, addressesToDial, answered, findProblem, hasStrangers } from './contact.ts'
import { isAt, isElsewhere, isSeed, makeContact, ownUntil, tell } from './contact.ts'
import { ContactBook } from './contact-book.ts'
import { Courtesy } from './courtesy.ts'
import { type Rank, rankOf, roomsMs } from './dial-ranks.ts'
import { Lost } from './lost.ts'
import { Lull } from './lull.ts'
import { Present } from './present.ts'
import type { Timings } from './timings.ts'

/** An order to dial: `key` names it in the outcome. */
export interface Dial {
  readonly key: string
  readonly addresses: readonly string[]
}

const BACKOFF_FACTOR = 1.5

/** Where no more addresses are known, as in a mesh of three, sessions cost little: none of them has to wait. */
const FEW = 3

/** A seed at which this node meets itself may lead to another one by then: an address moves, and so does what a name means. */
export const OWN_REDIAL_MS = 60_000

interface Listener {
  readonly id: NodeId
  readonly addresses: readonly string[]
}

export class Contacts {
  readonly #self: NodeId
  readonly #courtesy: Courtesy
  /** Others can dial this node on this machine only. */
  #isLocal = true
  readonly #timings: Timings
  readonly #prng: Prng
  readonly #contacts = new ContactBook()
  readonly #up = new Set<NodeId>()
  /** Who takes part, as others tell, and this node. */
  readonly #present = new Present()
  /** Who has been declared dead, and is dialled all the same. */
  readonly #lost = new Lost()
  /** When the next dial is due; undefined: to be found out. */
  #wakeMs: number | undefined
  /** The seeds that are dialled and have not been told of as silent. */
  readonly #awaited = new AwaitedSeeds()
  readonly #lull = new Lull()

  constructor(self: Listener, timings: Timings, prng: Prng) {
    this.#self = self.id
    this.#courtesy = new Courtesy(self.id)
    this.#timings = timings
    this.#prng = prng
    this.listenAt(self.addresses)
  }

  /** Where this node says that it listens, from now on. */
  listenAt(addresses: readonly string[]): void {
    this.#courtesy.isListening = addresses.length > 0
    this.#isLocal = addresses.every(isLoopback)
    this.#present.add(this.#self, addresses)
    this.#wakeMs = undefined
  }

  /** A name that is being looked up: looked for until `addSeed` or `removeSeed` tells what has come of it. */
  awaitSeed(name: string): void {
    this.#add(name, [], Infinity)
  }

  /** An address from the options, or of a name in them: dialled at once. */
  addSeed(address: string, nowMs: number, name?: string): void {
    this.#add(address, [address], nowMs).name = name
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
    this.#note(peer, { claimed: addresses }, nowMs + this.#courtesy.waitMs(peer))
    const contact = this.#contacts.get(peer)
    if (contact !== undefined && !isKnown) contact.isClaim = true
  }

  /** Where a member says that it listens: it is told of this node just as well. */
  note(peer: NodeId, addresses: readonly string[], nowMs: number): void {
    this.#note(peer, { addresses }, nowMs + this.#courtesy.toldWaitMs(peer))
    const contact = this.#contacts.get(peer)
    if (contact === undefined) return
    contact.isClaim = false
    // Also where it names none: then somebody else may be free again to be dialled there.
    this.#present.add(peer, addresses)
    this.#lost.delete(peer)
    this.#wakeMs = undefined
    const isNew = contact.wait === 'none' && contact.begunMs === undefined && !this.#isUp(contact)
    if (!isNew || this.#contacts.size <= FEW) return
    contact.wait = 'waiting'
    this.#lull.onMember(this.#contacts.size, nowMs)
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
    contact.peer = peer
    tell(contact, { addresses, claimed }, dueMs)
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
    contact.dueMs = nowMs + this.#courtesy.waitMs(peer)
  }

  /** A member has started anew, and says that it listens at these addresses. */
  onNewRun(peer: NodeId, addresses: readonly string[]): void {
    for (const contact of this.#contacts.values())
      if (contact.peer === peer) contact.isBygone = !isAt(contact, addresses)
  }

  /** Somebody has answered. A session should follow; where it does not, the contact is dialled again. */
  onDialled(key: string, peer: NodeId, nowMs: number): void {
    const contact = this.#contacts.get(key)
    if (contact === undefined) return
    answered(contact, peer)
    if (contact.begunMs !== undefined) this.#lull.onSession(nowMs - contact.begunMs, nowMs)
    this.#postpone(contact, nowMs)
  }

  /** @returns the peer that ought to be there, where it is known: not where others have claimed it, or it was earlier */
  onDialFailed(key: string, { failure, reason }: DialProblem, nowMs: number): NodeId | undefined {
    const contact = this.#contacts.get(key)
    if (contact === undefined) return undefined
    if (failure === 'self') {
      this.#postpone(contact, nowMs)
      if (this.#isLost(contact)) this.#lost.delete(contact.peer)
      if (isSeed(contact)) ownUntil(contact, nowMs + OWN_REDIAL_MS)
      else this.#contacts.delete(key)
      return undefined
    }
    contact.isOwn = false
    this.#lull.onDialFailed()
    this.#postpone(contact, nowMs)
    contact.problem = { address: this.#addressesOf(contact)[0] ?? key, failure, reason }
    return contact.isBygone || isElsewhere(contact, this.#isLocal) ? undefined : contact.peer
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
      if (this.#isLost(contact)) this.#lost.onDial(nowMs)
      dials.push({ key: contact.key, addresses: this.#addressesOf(contact) })
    }
  }

  /** Whoever has waited longest, of those for whom there is room: so none waits for ever, whoever else does not answer. */
  #next(nowMs: number): Contact | undefined {
    const rooms = this.#rooms()
    const isReady = (contact: Contact | undefined): boolean =>
      contact !== undefined &&
      this.#isWanted(contact) &&
      this.#dueMs(contact) <= nowMs &&
      this.#roomMs(contact, rooms) <= nowMs
    let next: Contact | undefined
    for (const contact of this.#contacts.values()) {
      if (!isReady(contact)) continue
      if (next === undefined || this.#dueMs(contact) < this.#dueMs(next)) next = contact
    }
    if (next === undefined || !this.#isLost(next)) return next
    return this.#contacts.get(this.#lost.choose(next.key, peer => isReady(this.#contacts.get(peer))))
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

  /**
   * Whether a name that the seed was found by leads to a session by its other family of addresses: whoever listens at one of
   * them, as by default, is not to be reached by the other, and nothing is wrong.
   */
  hasOtherWay(seed: string): boolean {
    const name = this.#contacts.get(seed)?.name
    if (name === undefined) return false
    return [...this.#contacts.values()].some(
      each => each.name === name && isIpv6(each.key) !== isIpv6(seed) && this.#isUp(each),
    )
  }

  /** When the next dial is due; Infinity: never, as things are. */
  wakeAtMs(): number {
    this.#wakeMs ??= this.#findWakeMs()
    return this.#wakeMs
  }

  /** Whether there is somebody of whom nothing has come yet: neither a session, nor a reason why there is none. */
  get isLooking(): boolean {
    return [...this.#contacts.values()].some(each => each.problem === undefined && this.#isMissing(each))
  }

  /** Whether there is somebody of whom nothing is known yet, who may be of a mesh of which nothing is known here: see `hasStrangers`. */
  get hasStrangers(): boolean {
    const missing = [...this.#contacts.values()].filter(each => !each.isOwn && !this.#isReplaced(each))
    return hasStrangers(missing, { told: this.#present, isLocal: this.#isLocal })
  }

  /** What went wrong last with everybody who has not been reached, in the order in which they became known. */
  problems(): ContactProblem[] {
    return [...this.#contacts.values()].flatMap(each =>
      this.#isMissing(each) ? (findProblem(each) ?? []) : [],
    )
  }

  #isMissing(contact: Contact): boolean {
    return !contact.isOwn && !this.#isUp(contact) && !this.#isReplaced(contact)
  }

  /** Whether a dial that has failed is anything to tell people of. */
  isNews(key: string, failure: DialFailure): boolean {
    const contact = this.#contacts.get(key)
    // A seed may be this node itself, as in a list that all nodes have.
    if (contact === undefined || isSeed(contact)) return failure !== 'self'
    // That others are where it was, is how it should be.
    return !this.#isLost(contact) && this.#free(contact).length > 0
  }

  #findWakeMs(): number {
    const rooms = this.#rooms()
    let wakeAtMs = Infinity
    for (const contact of this.#contacts.values()) {
      if (!this.#isWanted(contact)) continue
      const dueMs = this.#dueMs(contact)
      const readyMs = dueMs === Infinity ? this.#lull.wakeAtMs() : dueMs
      wakeAtMs = Math.min(wakeAtMs, Math.max(readyMs, this.#roomMs(contact, rooms)))
    }
    return wakeAtMs
  }

  #rooms(): Readonly<Record<Rank, number>> {
    return roomsMs(
      [...this.#contacts.values()].flatMap(each =>
        each.begunMs === undefined || this.#isPaced(each)
          ? []
          : { rank: rankOf(each, this.#present.has(each.peer)), begunMs: each.begunMs },
      ),
    )
  }

  #roomMs(contact: Contact, rooms: Readonly<Record<Rank, number>>): number {
    if (this.#isPaced(contact)) return this.#lost.readyMs
    return rooms[rankOf(contact, this.#present.has(contact.peer))]
  }

  /** One of many dead: at their pace they would take every room of others that have as little hope, for as long as none answers. */
  #isPaced(contact: Contact): boolean {
    return this.#lost.areMany && this.#isLost(contact)
  }

  /** Members are told of otherwise: only a seed may be silent, and nobody knows why. */
  #listen({ key, addresses, isSilent }: Contact, nowMs: number): void {
    if (addresses[0] === key && !isSilent) this.#awaited.onDial(key, nowMs)
  }

  #add(key: string, addresses: readonly string[], dueMs: number): Contact {
    const contact = makeContact(key, addresses, dueMs)
    const gone = this.#contacts.add(contact, each => this.#isUp(each))
    if (gone !== undefined) this.#awaited.end(gone.key)
    this.#lost.delete(gone?.peer)
    this.#wakeMs = undefined
    return contact
  }

  #postpone(contact: Contact, nowMs: number): void {
    const { redialMinMs, redialMaxMs } = this.#timings
    const isLost = this.#lost.has(contact.peer)
    const maxMs = isLost ? Math.max(redialMaxMs, this.#lost.redialMaxMs) : redialMaxMs
    const backoffMs = Math.min(maxMs, redialMinMs * BACKOFF_FACTOR ** contact.attempts)
    this.#wakeMs = undefined
    contact.begunMs = undefined
    this.#awaited.end(contact.key)
    contact.attempts += 1
    contact.dueMs = nowMs + backoffMs * this.#prng.between(0.5, 1)
  }

  #isWanted(contact: Contact): boolean {
    return contact.begunMs === undefined && !this.#isUp(contact) && !this.#isReplaced(contact)
  }

  /** Its member is dead; a seed is dialled whoever has been there. */
  #isLost(contact: Contact): boolean {
    return !isSeed(contact) && this.#lost.has(contact.peer)
  }

  /** It is dead, and others have all the addresses that it had. */
  #isReplaced(contact: Contact): boolean {
    return this.#isLost(contact) && this.#free(contact).length === 0
  }

  /** Where it is dialled. */
  #addressesOf(contact: Contact): readonly string[] {
    return this.#isLost(contact) ? this.#free(contact) : addressesToDial(contact)
  }

  /** Where it may be, and nobody else is. */
  #free(contact: Contact): readonly string[] {
    const addresses = addressesOf(contact)
    return contact.peer === undefined ? addresses : this.#present.freeFor(contact.peer, addresses)
  }

  #isUp({ peer }: Contact): boolean {
    return peer !== undefined && this.#up.has(peer)
  }

  /** Infinity: not before the lull has ended. */
  #dueMs({ dueMs, wait, peer }: Contact): number {
    if (wait !== 'waiting') return dueMs
    return Math.max(dueMs, this.#lull.endedMs + (peer === undefined ? 0 : this.#courtesy.toldWaitMs(peer)))
  }
}
