// pure
/** Whom this node reaches: its sessions, when it last heard of each peer, and whom others vouch for. */

import type { NodeId } from '../ids.ts'
import type { Timings } from './timings.ts'
import type { Wakefulness } from './wakefulness.ts'

/** Who has answered for so many periods at most is not dead on the word of others. */
const SEEN_PERIODS = 2

interface Session {
  readonly upMs: number
  heardMs: number
  /** When a probe or an answer to one came last. */
  metMs: number
  /** When the peer was first probed without anything having come since; undefined where it owes nothing. */
  askedMs: number | undefined
}

/** A member with whom there is no session. */
interface Apart {
  sinceMs: number
  /** There was one in this life of the member: a refused dial then means a dead process. */
  hadSession: boolean
  /** Its port has refused since, and it was accused of that. */
  isRefused: boolean
  /** Who had reached it when it was found that this node does not, one at least; empty before. */
  reachedBy: readonly NodeId[]
}

/** From when the first probe of a member was sent that has failed since its last sign of life, until the last was over. */
interface Vain {
  readonly sinceMs: number
  readonly untilMs: number
}

const NEVER_MET: Omit<Apart, 'sinceMs'> = { hadSession: false, isRefused: false, reachedBy: [] }

/** A member that others reach and this node does not: `reachedBy` has one of them at least. Empty: that is over. */
export interface ReachChange {
  readonly peer: NodeId
  readonly reachedBy: readonly NodeId[]
}

/**
 * So long this node gives itself to meet a member before it judges it for not being met: those who have met it notice
 * much earlier when it ends. Where thirty nodes start on two cores, the last sessions are opened after ten seconds and
 * more; with a third of this, each of them was accused by those who were still to meet it, three thousand times in all.
 */
const MEETING_PERIODS = 30

/**
 * A session whose peer has owed an answer for so many periods is stuck: TCP waits ever longer before it sends again,
 * minutes in the end, when a new connection would get through at once.
 */
const STUCK_PERIODS = 4

/** A member without a session is cut off from this node after so long, where others reach it. */
const CUT_OFF_PERIODS = 10

/** Others are asked for a missing member every other period: their word counts so long here. */
const VOUCHED_PERIODS = 4

/**
 * A member that this node has lost its session with, or that is reached by way of others, may still answer for so long
 * after that: it is asked for every 2.4 periods, and whoever is silent for less than 3.4 (`SUSPICION_PERIODS`) lives.
 */
const LATELY_PERIODS = 6

/** Of those who reach a member for this node, the last ones are remembered: as many as are asked at a time. */
const VOUCHERS_MAX = 3

/** No more names of unreachable members are told to others. */
export const UNREACHABLE_MAX = 32

/** What there is to tell as a rule. */
const NO_CHANGES: readonly ReachChange[] = []

export class Reach {
  readonly #sessions = new Map<NodeId, Session>()
  readonly #apart = new Map<NodeId, Apart>()
  /** Of members that others have found dead while there was a session: since when it has brought nothing. */
  readonly #dead = new Map<NodeId, number>()
  /** Who has last reached a peer for this node, and when: the latest first. */
  readonly #vouchers = new Map<NodeId, readonly { readonly by: NodeId; readonly ms: number }[]>()
  readonly #vain = new Map<NodeId, Vain>()
  /** Members that were cut off and are not any more, since `takeChanges`. */
  readonly #mended = new Set<NodeId>()

  isConnected(peer: NodeId): boolean {
    return this.#sessions.has(peer)
  }

  /** In the order in which their sessions began. */
  connected(): NodeId[] {
    return [...this.#sessions.keys()]
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  onPeerUp(peer: NodeId, nowMs: number): void {
    this.#sessions.set(peer, { upMs: nowMs, heardMs: nowMs, metMs: -Infinity, askedMs: undefined })
    this.#dead.delete(peer)
    this.#vain.delete(peer)
    this.#endApart(peer)
  }

  onPeerDown(peer: NodeId, nowMs: number): void {
    this.#sessions.delete(peer)
    this.#dead.delete(peer)
    this.#apart.set(peer, { ...NEVER_MET, sinceMs: nowMs, hadSession: true })
  }

  onHeard(peer: NodeId, nowMs: number): void {
    const session = this.#sessions.get(peer)
    if (session === undefined) return
    session.heardMs = nowMs
    session.askedMs = undefined
    this.#vain.delete(peer)
    if (this.#dead.has(peer)) this.#dead.set(peer, nowMs)
  }

  /** The peer is probed. */
  onAsked(peer: NodeId, nowMs: number): void {
    const session = this.#sessions.get(peer)
    if (session !== undefined) session.askedMs ??= nowMs
  }

  /** A probe that was sent at `sentMs` is over: nobody has had an answer. Of one that is gone by then, that says nothing. */
  onVain(member: NodeId, sentMs: number, nowMs: number): void {
    if (!this.#sessions.has(member) && !this.#apart.has(member)) return
    const sinceMs = this.#vain.get(member)?.sinceMs ?? sentMs
    this.#vain.set(member, { sinceMs, untilMs: nowMs })
  }

  /** The peer has probed this node, or answered its probe: each knows that the other one lives. */
  onMet(peer: NodeId, nowMs: number): void {
    const session = this.#sessions.get(peer)
    if (session !== undefined) session.metMs = nowMs
  }

  /** Somebody else has just had an answer of it. Of whom this node does not know, that says nothing. */
  onVouched(peer: NodeId, by: NodeId, nowMs: number): void {
    if (!this.#sessions.has(peer) && !this.#apart.has(peer)) return
    this.#vain.delete(peer)
    const others = (this.#vouchers.get(peer) ?? []).filter(voucher => voucher.by !== by)
    this.#vouchers.set(peer, [{ by, ms: nowMs }, ...others].slice(0, VOUCHERS_MAX))
  }

  /** Somebody else has found that its port refuses: what that one has heard of it was before. */
  onRefusedTo(peer: NodeId, by: NodeId): void {
    const vouchers = this.#vouchers.get(peer)
    if (vouchers === undefined) return
    this.#vouchers.set(
      peer,
      vouchers.filter(voucher => voucher.by !== by),
    )
  }

  /** Others have found a member dead. */
  onDead(peer: NodeId, nowMs: number): void {
    if (this.#sessions.has(peer) && !this.#dead.has(peer)) this.#dead.set(peer, nowMs)
  }

  /** The dead whose sessions have brought nothing for a period: each once. */
  *takeDead(nowMs: number, { probePeriodMs }: Timings): Generator<NodeId> {
    for (const [peer, sinceMs] of this.#dead) {
      if (sinceMs + probePeriodMs > nowMs) continue
      this.#dead.delete(peer)
      yield peer
    }
  }

  /** When `takeDead` is due; Infinity: never, as things are. */
  deadAtMs({ probePeriodMs }: Timings): number {
    return this.#dead.size === 0 ? Infinity : Math.min(...this.#dead.values()) + probePeriodMs
  }

  /** A member has become known, or is back. */
  onMember(peer: NodeId, nowMs: number): void {
    this.#dead.delete(peer)
    if (!this.#sessions.has(peer) && !this.#apart.has(peer)) {
      this.#apart.set(peer, { ...NEVER_MET, sinceMs: nowMs })
    }
  }

  /** A member has started anew: a session that has closed was one with its earlier run, and it is to be met again. */
  onNewRun(peer: NodeId, nowMs: number): void {
    this.#endApart(peer)
    this.#vain.delete(peer)
    this.onMember(peer, nowMs)
  }

  /** A member is gone. */
  forget(peer: NodeId): void {
    this.#endApart(peer)
    this.#vain.delete(peer)
    this.#vouchers.delete(peer)
  }

  #endApart(peer: NodeId): void {
    if (this.reachedBy(peer).length > 0) this.#mended.add(peer)
    this.#apart.delete(peer)
  }

  /** When the session with the peer began; -Infinity without one. */
  upMs(peer: NodeId): number {
    return this.#sessions.get(peer)?.upMs ?? -Infinity
  }

  /** When the session with the peer last brought something; -Infinity without a session. */
  heardMs(peer: NodeId): number {
    return this.#sessions.get(peer)?.heardMs ?? -Infinity
  }

  /** When the two have last met by a probe of either; -Infinity without a session, or before. */
  metMs(peer: NodeId): number {
    return this.#sessions.get(peer)?.metMs ?? -Infinity
  }

  /**
   * For how long the peer has owed an answer, with nothing else coming from it either, as far as this node was awake; 0
   * without a session. In a large mesh a session is silent most of the time, as each is probed seldom.
   */
  silenceMs(peer: NodeId, nowMs: number): number {
    return nowMs - (this.#sessions.get(peer)?.askedMs ?? nowMs)
  }

  /** For how long probes of the member have failed, with no sign of life by whatever way; 0: none has failed since. */
  vainMs(member: NodeId): number {
    const { sinceMs, untilMs } = this.#vain.get(member) ?? { sinceMs: 0, untilMs: 0 }
    return untilMs - sinceMs
  }

  /** Whether it owed an answer for too long when what had come was last heard. */
  isStuck(
    peer: NodeId,
    { heardUntilMs }: Pick<Wakefulness, 'heardUntilMs'>,
    { probePeriodMs }: Timings,
  ): boolean {
    return this.silenceMs(peer, heardUntilMs) > STUCK_PERIODS * probePeriodMs
  }

  /** When there was last an answer of the peer, to this node or to one that it had asked to ask. */
  seenMs(peer: NodeId): number {
    return Math.max(this.heardMs(peer), this.#vouchers.get(peer)?.[0]?.ms ?? -Infinity)
  }

  /** Whether that was but just now: whatever others say, it lives. */
  isSeen(peer: NodeId, nowMs: number, { probePeriodMs }: Timings): boolean {
    return nowMs - this.seenMs(peer) <= SEEN_PERIODS * probePeriodMs
  }

  /**
   * Whether this node may still hear of it, which others have found dead: there is a session with it, or was one lately and
   * its port has not refused since, or others have reached it lately.
   */
  mayAnswer(peer: NodeId, nowMs: number, { probePeriodMs }: Timings): boolean {
    if (this.#sessions.has(peer)) return true
    const { sinceMs, hadSession, isRefused } = this.#apart.get(peer) ?? { ...NEVER_MET, sinceMs: nowMs }
    const lastMs = Math.max(this.seenMs(peer), hadSession ? sinceMs : -Infinity)
    return !isRefused && nowMs - lastMs <= LATELY_PERIODS * probePeriodMs
  }

  /** Whether any session has brought something since. */
  hasHeardSince(sinceMs: number): boolean {
    for (const { heardMs } of this.#sessions.values()) if (heardMs > sinceMs) return true
    return false
  }

  /** Whether it is news that the port of a peer refuses: its session has closed before, so its process is gone. */
  isRefusalNews(peer: NodeId): boolean {
    const apart = this.#apart.get(peer)
    return apart?.hadSession === true && !apart.isRefused
  }

  /** Whether its port has refused since its session has closed, and it was accused of that. */
  isRefused(peer: NodeId): boolean {
    return this.#apart.get(peer)?.isRefused ?? false
  }

  /** The peer was accused of refusing: that is said once for each session that closes. */
  onRefusalTold(peer: NodeId): void {
    const apart = this.#apart.get(peer)
    if (apart !== undefined) apart.isRefused = true
  }

  /** Others have reached it, and what was said against it is forgotten: that its port refuses again is news. */
  onLiving(peer: NodeId): void {
    const apart = this.#apart.get(peer)
    if (apart !== undefined) apart.isRefused = false
  }

  /**
   * The members whose session has been missing for too long: half a period where there was one, which is news by itself.
   * Whom others vouch for has time until the next period. Who is cut off from this node for good is left to its turn, and to
   * those who reach it: where many do not reach each other, all would ask for all, and the few that reach them all be asked.
   */
  *missing(nowMs: number, { probePeriodMs, probeTimeoutMs }: Timings): Generator<NodeId> {
    for (const [peer, { sinceMs, hadSession, reachedBy }] of this.#apart) {
      if (reachedBy.length > 0 && this.#isWatched(peer)) continue
      const graceMs = hadSession ? probePeriodMs / 2 : probePeriodMs + probeTimeoutMs
      const firstMs = hadSession ? graceMs : MEETING_PERIODS * probePeriodMs
      if (nowMs >= Math.max(sinceMs + firstMs, this.seenMs(peer) + probePeriodMs + graceMs)) yield peer
    }
  }

  /** Whether one of those who have last reached it can be heard: it is the first to notice when the peer ends. */
  #isWatched(peer: NodeId): boolean {
    return this.#vouchers.get(peer)?.some(({ by }) => this.#sessions.has(by)) ?? false
  }

  /** Whether there has not been a session yet, and is still time for one. */
  isMeeting(peer: NodeId, nowMs: number, { probePeriodMs }: Timings): boolean {
    const apart = this.#apart.get(peer)
    return apart?.hadSession === false && nowMs - apart.sinceMs < MEETING_PERIODS * probePeriodMs
  }

  /** Who reaches a member that is cut off from this node; empty where it is not. */
  reachedBy(peer: NodeId): readonly NodeId[] {
    return this.#apart.get(peer)?.reachedBy ?? []
  }

  /** Who has been cut off for long enough, and who is not any more: each is told once. */
  takeChanges(nowMs: number, { probePeriodMs }: Timings): readonly ReachChange[] {
    if (this.#mended.size + this.#apart.size === 0) return NO_CHANGES
    const changes: ReachChange[] = [...this.#mended].map(peer => ({ peer, reachedBy: [] }))
    this.#mended.clear()
    for (const [peer, apart] of this.#apart) {
      const isLong = nowMs - apart.sinceMs >= CUT_OFF_PERIODS * probePeriodMs
      if (!isLong || apart.reachedBy.length > 0) continue
      const sinceMs = nowMs - VOUCHED_PERIODS * probePeriodMs
      const vouchers = this.#vouchers.get(peer) ?? []
      apart.reachedBy = vouchers.filter(({ ms }) => ms >= sinceMs).map(({ by }) => by)
      if (apart.reachedBy.length > 0) changes.push({ peer, reachedBy: apart.reachedBy })
    }
    return changes
  }

  /**
   * Whether there is no session with a member: from the beginning where there has not been one yet, and where there was,
   * when its port refuses, or it has been missing for some time.
   */
  isApart(peer: NodeId, nowMs: number, timings: Timings): boolean {
    const apart = this.#apart.get(peer)
    return apart !== undefined && isLasting(apart, nowMs, timings)
  }

  /** Those from whom this node is apart, `UNREACHABLE_MAX` at most. */
  unreachable(nowMs: number, timings: Timings): NodeId[] {
    const unreached: NodeId[] = []
    for (const [peer, apart] of this.#apart) {
      if (isLasting(apart, nowMs, timings) && unreached.push(peer) === UNREACHABLE_MAX) break
    }
    return unreached
  }

  /** This node has slept: how long a session has been missing or silent is counted from now on. */
  onSlept(nowMs: number): void {
    for (const session of this.#sessions.values()) if (session.askedMs !== undefined) session.askedMs = nowMs
    for (const apart of this.#apart.values()) apart.sinceMs = nowMs
    for (const peer of this.#dead.keys()) this.#dead.set(peer, nowMs)
  }
}

function isLasting(
  { sinceMs, hadSession, isRefused }: Apart,
  nowMs: number,
  { probePeriodMs, probeTimeoutMs }: Timings,
): boolean {
  return !hadSession || isRefused || nowMs - sinceMs >= probePeriodMs + probeTimeoutMs
}
