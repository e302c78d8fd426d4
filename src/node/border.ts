// shell
/** What was refused of all that came from outside: counted, and told to people without flooding their logs. */

import { unreachable } from '../assert.ts'
import type { NodeId } from '../ids.ts'
import type { Clock, Logger } from '../ports.ts'
import type { Contacts } from '../protocol/contacts.ts'
import { CLOCK_SKEW_MAX_MS } from '../protocol/hlc.ts'
import { DISCOVERIES, HINTS } from '../protocol/limits.ts'
import { type Rate, RateLimit } from '../rate-limit.ts'
import type { MemberRow, ProtocolRange } from '../protocol/member-row.ts'
import type { Profile } from '../protocol/timings.ts'
import type { Offence } from './control-lane.ts'
import type { Obstacle } from './obstacles.ts'

/** What this node has refused since it started. */
export interface BorderStats {
  /** Connections that did not become sessions: another cluster or secret, not on the allow-list, shut out, no meshvisor. */
  readonly strangers: number
  /** Sessions that this node ended because the peer broke the protocol: bytes that are no frames, messages that make no sense. */
  readonly violations: number
  /** Sessions that it ended because the peer spoke faster than is allowed. */
  readonly floods: number
  /** Sessions that it ended because the peer speaks no version of the protocol that this node speaks. */
  readonly incompatible: number
  /** Gossip that was dropped: more than is allowed, or none that could be read. */
  readonly hints: number
  /** Nodes found by multicast that were not looked at: more than is allowed. */
  readonly discoveries: number
  /** Rows that were left out: they count higher than any node comes, so that nobody could go on from there. */
  readonly implausible: number
  /** Moments written by a clock more than a minute ahead of the one here, which this node has not followed. */
  readonly clocks: number
  /** What this node itself failed at. Always 0, or there is a bug in meshvisor: please report the log. */
  readonly faults: number
  /** Messages that this node did not send, as they would have been too large. Always 0, or there is a bug too. */
  readonly oversize: number
  /** What was refused last. */
  readonly last: { readonly who: string; readonly reason: string; readonly wallMs: number } | undefined
}

/** Whoever is complained of is not mentioned again for so long. */
export const COMPLAIN_EVERY_MS = 60_000
/** So many are told apart; beyond that, the one that was first complained of is forgotten. */
export const COMPLAINTS_MAX = 256
/** So many clocks that are ahead are told of at once, and one every six seconds after that: whose they are, says who sends it. */
export const CLOCKS_TOLD: Rate = { perSecond: 1 / 6, burst: 10 }
/** An address that does not answer is mentioned only then: nodes of a mesh seldom start in the right order. */
export const FAILED_DIALS_MIN = 4
/** Or when it has failed again after so long: where nothing comes back, each dial takes seconds, and has to wait for others. */
export const FAILED_FOR_MS = 4_000

const OTHER_PROFILE =
  'a node has another profile: who is silent for too long for the least patient one is dead for all. Give all the same one'
/** What follows from it, and what to do. */
const CLOCK_AHEAD =
  'one of the two clocks is wrong: of what is asked for at once, the later clock decides. Set both clocks (NTP), and then start the node anew whose clock was ahead, as its moments do not run backwards'

/** What it may be. */
const MADE_UP = 'a member that means harm has made it up, this one or one that it has heard of'

const NO_SESSION = 'no session with a node, which is tried on'

type Counts = { -readonly [What in Exclude<keyof BorderStats, 'last'>]: number }

/** A dial that has failed. */
export interface FailedDial {
  readonly isHandshake: boolean
  readonly reason: string
  readonly cause?: string | undefined
}

interface Failures {
  readonly sinceMs: number
  readonly count: number
}

interface Complaint {
  readonly atMs: number
  /** How many were kept back since. */
  kept: number
}

export class Border {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #contacts: () => Pick<Contacts, 'hasOtherWay'>
  readonly #hints: RateLimit
  readonly #discoveries: RateLimit
  readonly #clocks: RateLimit
  /** Moments of clocks that were not told of since the last one that was. */
  #clocksUntold = 0
  readonly #complaints = new Map<string, Complaint>()
  readonly #failedDials = new Map<string, Failures>()
  /** What there is to be told of peers that say nothing, at the end of their last session; the last one is the newest. */
  readonly #mute = new Map<NodeId, string>()
  /** At which address each peer was dialled last; the last one is the newest. */
  readonly #dialled = new Map<NodeId, string>()
  readonly #counts: Counts = {
    strangers: 0,
    violations: 0,
    floods: 0,
    incompatible: 0,
    hints: 0,
    discoveries: 0,
    implausible: 0,
    clocks: 0,
    faults: 0,
    oversize: 0,
  }
  #last: BorderStats['last']

  constructor(clock: Clock, logger: Logger, contacts: () => Pick<Contacts, 'hasOtherWay'>) {
    this.#clock = clock
    this.#logger = logger
    this.#contacts = contacts
    this.#hints = new RateLimit(HINTS, clock.nowMs())
    this.#discoveries = new RateLimit(DISCOVERIES, clock.nowMs())
    this.#clocks = new RateLimit(CLOCKS_TOLD, clock.nowMs())
  }

  stats(): BorderStats {
    return { ...this.#counts, last: this.#last }
  }

  onStranger(who: string, reason: string): void {
    this.#count('strangers', who, reason)
    // Many may come from one host. What is behind the colon may be of a peer's making, and have no end.
    const [what = ''] = reason.split(':', 1)
    this.#complain(`stranger ${who} ${what}`, { from: who, reason }, 'somebody was not let in')
  }

  onOffence(peer: NodeId, offence: Offence, reason: string): void {
    switch (offence) {
      case 'violation':
        return this.onViolation(peer, reason)
      case 'flood':
        return this.onFlood(peer, reason)
      case 'incompatible':
        return this.onIncompatible(peer, reason)
      case 'mute':
        setNewest(this.#mute, peer, reason)
        return this.#complain(`mute ${peer}`, { to: peer, reason }, NO_SESSION)
      default:
        return unreachable(offence)
    }
  }

  onViolation(peer: NodeId, reason: string): void {
    this.#count('violations', peer, reason)
    this.#complain(`violation ${peer}`, { peer, reason }, 'session ended: the peer broke the protocol')
  }

  onFlood(peer: NodeId, reason: string): void {
    this.#count('floods', peer, reason)
    this.#complain(`flood ${peer}`, { peer, reason }, 'session ended: the peer speaks too fast')
  }

  onIncompatible(peer: NodeId, reason: string): void {
    this.#count('incompatible', peer, reason)
    this.#complain(`version ${peer}`, { peer, reason }, 'session ended: the peer speaks another protocol')
  }

  /** A peer has said hello: it may be more or less patient than this node. */
  onProfile(peer: NodeId, profile: string, own: Profile): void {
    if (profile === own) return
    this.#complain(`profile ${peer}`, { peer, profile, own }, OTHER_PROFILE)
  }

  /** Whether one more hint is within what this node puts up with. */
  letsHint(): boolean {
    const isWithin = this.#hints.take(this.#clock.nowMs())
    if (!isWithin) this.onHintDropped(`more than ${HINTS.perSecond} a second`)
    return isWithin
  }

  onHintDropped(reason: string): void {
    this.#count('hints', 'gossip', reason)
    this.#complain('hints', { reason }, 'gossip was dropped')
  }

  /** Whether one more node that multicast claims to have found is within that. */
  letsDiscovery(): boolean {
    if (this.#discoveries.take(this.#clock.nowMs())) return true
    this.#count('discoveries', 'multicast', 'too many')
    this.#complain('discoveries', {}, 'multicast finds more nodes than a mesh has: some were not looked at')
    return false
  }

  /** Of what `from` has said, or passed on, a row was left out. */
  onImplausible(from: string, reason: string): void {
    this.#count('implausible', from, reason)
    const facts = { from, reason: `found the ${reason}, which no node has come to: ${MADE_UP}` }
    this.#complain(`implausible ${from}`, facts, 'rows were left out: they count higher than any node comes')
  }

  onClockAhead(node: NodeId, aheadMs: number): void {
    const found = `found ${Math.round(aheadMs / 1_000)} s ahead of this node's clock, allowed are ${CLOCK_SKEW_MAX_MS / 1_000} s`
    this.#count('clocks', node, found)
    const key = `clock ${node}`
    const isKept = this.#isKept(key)
    if (!isKept && !this.#clocks.take(this.#clock.nowMs())) {
      this.#clocksUntold += 1
      return
    }
    const reason = `${found}; ${CLOCK_AHEAD}`
    const others = isKept || this.#clocksUntold === 0 ? {} : { ofOthersSince: this.#clocksUntold }
    if (!isKept) this.#clocksUntold = 0
    this.#complain(
      key,
      { clockOf: node, aheadMs, reason, ...others },
      'the clock of a node is far ahead, or was',
    )
  }

  onFault(peer: NodeId | undefined, error: unknown): void {
    const from = peer ?? 'gossip or multicast'
    this.#count('faults', from, String(error))
    this.#complain(`fault ${from}`, { from, error }, 'bug in meshvisor: it failed at what came from outside')
  }

  onOversize(peer: NodeId, kind: string, bytes: number): void {
    this.#count('oversize', peer, `${kind} of ${bytes} bytes`)
    this.#complain('oversize', { peer, kind, bytes }, 'bug in meshvisor: a message is too large to be sent')
  }

  /** `key`: an address, or the id of a member, whose absence others notice. */
  onDialFailed(key: string, { isHandshake, reason, cause }: FailedDial): void {
    const isAddress = key.startsWith('/')
    if (isAddress && !isHandshake && this.#contacts().hasOtherWay(key)) {
      // What has failed before there was one says nothing when it ends.
      this.#failedDials.delete(key)
      return
    }
    const { count, isLasting } = this.#fail(key)
    // A member whose process is just ending closes connections halfway: once is no news of it.
    const isNews = isHandshake ? isAddress || count > 1 : isAddress && isLasting
    if (!isNews) return
    const facts = { to: key, reason, ...(cause === undefined ? {} : { cause }) }
    this.#complain(`dial ${key}`, facts, NO_SESSION)
  }

  /** A dial of `key`, an address, has had no outcome for long. When it fails after that, it is news at once. */
  onSilent(key: string, reason: string): void {
    const sinceMs = this.#clock.nowMs()
    if (!this.#failedDials.has(key)) this.#failedDials.set(key, { sinceMs, count: 0 })
    this.#complain(`silent ${key}`, { to: key, reason }, NO_SESSION)
  }

  /** `key`: as of `onDialFailed`; `peer`: who has answered. */
  onDialled(key: string, peer: NodeId): void {
    this.#failedDials.delete(key)
    if (key.startsWith('/')) setNewest(this.#dialled, peer, key)
  }

  /**
   * A session has ended. `wanted`: the peer has said nothing in it, not even a hello with one of these versions. That
   * is no news until it has been so some times in a row: a process that ends does so, and one of two sessions that cross.
   */
  onEnded(peer: NodeId, wanted: ProtocolRange | undefined): void {
    const key = `mute ${peer}`
    if (wanted === undefined) {
      this.#failedDials.delete(key)
      this.#mute.delete(peer)
      return
    }
    const { count } = this.#fail(key)
    if (count < FAILED_DIALS_MIN) return
    const { min, max } = wanted
    const found = `found ${count} sessions in a row that ended before the peer has said hello`
    const reason = `${found}, wanted a hello of a node that speaks the protocol of versions ${min} to ${max}: look into its log; if it is another version of meshvisor, update the older of the two`
    setNewest(this.#mute, peer, reason)
    this.#complain(key, { to: peer, reason }, NO_SESSION)
  }

  /** The peers that end each session without a word, but for those of whom `isKnown` says that they have spoken. */
  mutePeers(isKnown: (peer: NodeId) => boolean): Obstacle[] {
    const mute = [...this.#mute].filter(([peer]) => !isKnown(peer))
    return mute.map(([peer, reason]) => ({ address: this.#dialled.get(peer) ?? `node ${peer}`, reason }))
  }

  onUnreachable({ id, name, addresses }: MemberRow, reachedBy: readonly NodeId[]): void {
    const message = 'others reach a member that this node does not: calls to its workers are refused here'
    this.#complain(`unreachable ${id}`, { to: id, name, addresses, reachedBy }, message)
  }

  /** @returns how often it has failed in a row, this time included, and whether that is more than a restart */
  #fail(key: string): { readonly count: number; readonly isLasting: boolean } {
    const nowMs = this.#clock.nowMs()
    const { sinceMs, count: before } = this.#failedDials.get(key) ?? { sinceMs: nowMs, count: 0 }
    const count = before + 1
    setNewest(this.#failedDials, key, { sinceMs, count })
    return { count, isLasting: count >= FAILED_DIALS_MIN || nowMs - sinceMs >= FAILED_FOR_MS }
  }

  #count(what: keyof Counts, who: string, reason: string): void {
    this.#counts[what] += 1
    this.#last = { who, reason, wallMs: this.#clock.wallMs() }
  }

  /** Whether it was told a short while ago. */
  #isKept(key: string): boolean {
    const known = this.#complaints.get(key)
    return known !== undefined && this.#clock.nowMs() - known.atMs < COMPLAIN_EVERY_MS
  }

  #complain(key: string, facts: object, message: string): void {
    const known = this.#complaints.get(key)
    if (known !== undefined && this.#isKept(key)) {
      known.kept += 1
      return
    }
    setNewest(this.#complaints, key, { atMs: this.#clock.nowMs(), kept: 0 })
    const again = known === undefined || known.kept === 0 ? {} : { timesSince: known.kept }
    this.#logger.warn({ ...facts, ...again }, message)
  }
}

/** The oldest is forgotten beyond `COMPLAINTS_MAX`. */
function setNewest<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > COMPLAINTS_MAX && oldest !== undefined) map.delete(oldest)
}
