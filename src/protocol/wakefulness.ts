// pure
/** Whether this node itself was awake: whoever was not cannot judge others by what they did not answer meanwhile. */

import type { NodeId } from '../ids.ts'
import type { Moment } from './membership-effect.ts'
import { SILENT_PERIODS, SUSPICION_PERIODS, type Timings } from './timings.ts'

/** The wall clock has gained so much on the other one: the machine has slept. A leap second is no more. */
const SUSPEND_MS = 1000

/** A timer is late by a few milliseconds now and then: 10 ms, with the default time-out of 200 ms, are more than that. */
const NOTABLE_SHARE = 20

/** A node that is late again and again, or a little, must come to its verdicts all the same. */
const DOUBTS_MAX = 3

/** Away so often in a row, each time before it was back: from then on it is enough that it has heard all. */
const ABSENCES_MAX = 4

/** Late again after less than this is again and again: in so long a node gets a little better by itself (`LocalHealth`). */
const AGAIN_PERIODS = 4

/** A machine that wakes has its link again in this time, if there is one: a Wi-Fi is found, joined, and gives an address. */
const LINK_MAX_MS = 30_000

export class Wakefulness {
  readonly #timings: Timings
  /** Who takes part now besides this node, as far as it knows. */
  readonly #members: () => readonly NodeId[]
  #now: Moment
  /** When the first was due of what was to be done when it was last looked. */
  #dueMs = Infinity
  #doubts = 0
  /** How often it has been late in a row, and when last. */
  #lates = 0
  #lateMs = -Infinity
  /** When something has run last before that. */
  #beforeMs = -Infinity
  /** When nothing has run for half of what others are given to answer, the last time. */
  #quietFromMs = -Infinity
  #quietToMs = -Infinity
  #judgeFromMs = 0
  #listenUntilMs = -Infinity
  #awakeFromMs = -Infinity
  #returnedFromMs = -Infinity
  #accuseFromMs = 0
  /** Nobody has been heard since it was away. */
  #isUnaware = false
  /** When to ask those for a sign of life who have given none since. */
  #askAtMs = Infinity
  /** How often it has been away in a row, each time before it was back from the time before. */
  #absences = 0
  /** When it was last back from there. */
  #backMs = -Infinity
  /** Who has given no sign of life since, and from when on: in time of this node without `missedMs`. */
  readonly #silent = new Map<NodeId, number>()
  /** Of whom others have heard since: it may be judged again, but what it has done meanwhile is still to be heard. */
  readonly #vouched = new Set<NodeId>()
  /** For how long it has been away, all in all. */
  #missedMs = 0

  constructor(timings: Timings, now: Moment, members: () => readonly NodeId[]) {
    this.#timings = timings
    this.#members = members
    this.#now = now
  }

  /**
   * No verdict before: nothing has run for half of what others are given to answer. The node may have stood still, and
   * what has come meanwhile is heard first.
   */
  get judgeFromMs(): number {
    return this.#judgeFromMs
  }

  /** A timer came late, and nothing has run for as long: until then, what has come meanwhile is heard. */
  get listenUntilMs(): number {
    return this.#listenUntilMs
  }

  /** What had come by then has been heard: where the node was late just now, what has come meanwhile waits to be read. */
  get heardUntilMs(): number {
    const isLate = this.#now.ms - this.#lateMs < this.#timings.probeTimeoutMs / 2
    return isLate ? this.#beforeMs : this.#now.ms
  }

  /**
   * What had come by then has been read, however idle the node was: when nothing has run for long, and began to just now,
   * it may have stood still. For verdicts that do not wait for `judgeFromMs`, as a node that is always late has no time to.
   */
  get readUntilMs(): number {
    const isRising = this.#now.ms - this.#quietToMs < this.#timings.probeTimeoutMs / 2
    return isRising ? this.#quietFromMs : this.#now.ms
  }

  /**
   * Others have noticed that it stood still, and have closed their sessions: from then on, it has been able to open them
   * again, and to hear what they have done without it; later, where its link has come later.
   */
  get reunitedFromMs(): number {
    return Math.max(this.#awakeFromMs, this.#returnedFromMs)
  }

  /**
   * The same of a node that has stood still for so long that others may have gone on without it. Whoever stands still again
   * before it is back, again and again, has no more time for that: it would decide nothing ever.
   */
  get returnedFromMs(): number {
    return this.#absences > ABSENCES_MAX ? -Infinity : this.#returnedFromMs
  }

  /** Nobody is accused before: this node has slept, and comes to itself. */
  get accuseFromMs(): number {
    return this.#accuseFromMs
  }

  /**
   * It has slept: what has waited is read, and sessions that others have closed are opened anew. No longer than that, also
   * in a large mesh: who stands still now and then would accuse nobody ever. Of whom it has not heard since, see
   * `isAwayFrom`.
   */
  hold(): void {
    this.#accuseFromMs = this.#now.ms + 2 * this.#timings.probePeriodMs
  }

  /**
   * It has stood still for so long that others may have gone on without it, and has not heard of the peer since: then it
   * is this node that is cut off. Whoever took the others for dead would claim what they run, later than they did, with
   * nothing in it, and the mesh would follow as soon as it is back. That somebody else was heard says nothing: it may be
   * another node of the machine that has slept. Only a sign of life of the peer gives it that time again: who stands still
   * now and then would never find a silent death otherwise.
   */
  isAwayFrom(peer: NodeId, nowMs: number): boolean {
    return !this.#vouched.has(peer) && this.#isUnheard(peer, nowMs)
  }

  /** All from whom it is away. */
  *unheard(nowMs: number): Generator<NodeId> {
    for (const peer of this.#silent.keys()) if (this.isAwayFrom(peer, nowMs)) yield peer
  }

  /**
   * Who is to be asked for a sign of life: each of those who have given none since it was away, once, as soon as an answer
   * is sure to be one. In a large mesh their turns would take seconds to come, and nothing is decided before.
   */
  takeUnheard(nowMs: number): readonly NodeId[] {
    if (nowMs < this.#askAtMs) return []
    this.#askAtMs = Infinity
    return [...this.unheard(nowMs)]
  }

  /** When there may be somebody to ask. */
  wakeAtMs(): number {
    return this.#askAtMs
  }

  /**
   * A sign of life of a peer. The first one since this node was away, or by a session that has begun since, at `upMs`: now
   * it hears what has been done without it. Who still has a session from before has not gone on without it.
   */
  onHeard(peer: NodeId, nowMs: number, upMs: number): void {
    if (!this.#canBeNew(nowMs)) return
    // Whoever is heard first may have come only since, and still be the one who brings what the others have done.
    const isFirst = this.#isUnaware && nowMs < this.#backMs + LINK_MAX_MS
    const isNews = isFirst || (upMs >= this.#backMs && this.#isUnheard(peer, nowMs))
    if (isNews) this.#returnedFromMs = nowMs + 2 * this.#timings.probePeriodMs
    this.#silent.delete(peer)
    this.#vouched.delete(peer)
    this.#isUnaware = false
  }

  /**
   * Somebody else has heard of the peer just now: where there is no link, that is all that can be heard of it. It says
   * nothing of what the peer has done, and puts nothing off: where forty leaves have a hub only, each is vouched for by turn.
   */
  onVouched(peer: NodeId, nowMs: number): void {
    if (this.#silent.has(peer) && this.#canBeNew(nowMs)) this.#vouched.add(peer)
  }

  /**
   * Time goes on; the node should have been called at `dutyMs`. `late`: by half of what others are given to answer;
   * `slow`: so again and again, and it can only give others more time; `asleep`: so long that others have noticed, or with
   * the whole machine.
   */
  notice(now: Moment, dutyMs: number): 'awake' | 'late' | 'slow' | 'asleep' {
    const { probeTimeoutMs, probePeriodMs } = this.#timings
    // What others say may make something due some time ago: that could not be done before it was said.
    this.#dueMs = Math.max(dutyMs, Math.min(this.#dueMs, this.#now.ms))
    const lateMs = now.ms - this.#dueMs
    const quietMs = now.ms - this.#now.ms
    const leapMs = now.wallMs - this.#now.wallMs - quietMs
    const beforeMs = this.#now.ms
    this.#now = now
    const isLate = lateMs >= probeTimeoutMs / 2
    // Others count from its last sign of life, and not from when it was to give the next one: if it is unwell, long after.
    const wasQuiet = isLate && quietMs > SUSPICION_PERIODS * probePeriodMs
    const hasSlept = leapMs > SUSPEND_MS
    // After so long, others may have gone on without it.
    const wasAway = wasQuiet || lateMs > SILENT_PERIODS * probePeriodMs || hasSlept
    // While what has waited is read, each call is as late as the first one, and nothing more is missed.
    if (wasAway && (hasSlept || quietMs >= probeTimeoutMs / 2)) this.#countAbsence(beforeMs)
    if (wasAway) this.#miss(Math.max(0, Math.min(lateMs, quietMs)))
    if (quietMs >= probeTimeoutMs / 2) {
      this.#quietFromMs = beforeMs
      this.#quietToMs = now.ms
      this.#doubt(lateMs)
    }
    if (lateMs >= 2 * probePeriodMs || wasAway) {
      this.#awakeFromMs = now.ms + 2 * probePeriodMs
      return 'asleep'
    }
    // One stall counts once, however many messages come before the timer.
    if (!isLate || now.ms - this.#lateMs < probeTimeoutMs / 2) return 'awake'
    this.#lates = now.ms - this.#lateMs < AGAIN_PERIODS * probePeriodMs ? this.#lates + 1 : 1
    this.#lateMs = now.ms
    this.#beforeMs = beforeMs
    return this.#lates > DOUBTS_MAX ? 'slow' : 'late'
  }

  /** Whether the peer itself has given no sign of life since this node was away, and has still time to. */
  #isUnheard(peer: NodeId, nowMs: number): boolean {
    const sinceMs = this.#silent.get(peer) ?? -Infinity
    return nowMs - this.#missedMs < sinceMs + LINK_MAX_MS
  }

  /** What comes in before may be from before it slept, and only have waited to be read. */
  #canBeNew(nowMs: number): boolean {
    return nowMs > this.#backMs + this.#timings.probeTimeoutMs / 2
  }

  /** Where nobody was heard in between, nothing was put off by that: whoever wakes for moments only is to wait in the end. */
  #countAbsence(beforeMs: number): void {
    const wasBack = beforeMs >= this.#returnedFromMs && this.unheard(beforeMs).next().done
    if (wasBack) this.#absences = 1
    else if (!this.#isUnaware) this.#absences += 1
  }

  /** It was away just now, for so long. Whoever was silent before has no more time to be heard than was left. */
  #miss(ms: number): void {
    this.#missedMs += ms
    this.#isUnaware = true
    this.#backMs = this.#now.ms
    this.#askAtMs = this.#now.ms + this.#timings.probeTimeoutMs / 2
    for (const peer of this.#vouched) this.#silent.delete(peer)
    const before = new Map(this.#silent)
    this.#silent.clear()
    this.#vouched.clear()
    const sinceMs = this.#now.ms - this.#missedMs
    for (const peer of this.#members()) this.#silent.set(peer, before.get(peer) ?? sinceMs)
  }

  /** A turn of the event loop does where the timer came in time: it was an idle node, most likely. */
  #doubt(lateMs: number): void {
    const { probeTimeoutMs } = this.#timings
    const turnMs = probeTimeoutMs / NOTABLE_SHARE
    const isNotable = lateMs >= turnMs
    this.#doubts = isNotable ? this.#doubts + 1 : 0
    const isDoubt = isNotable && this.#doubts <= DOUBTS_MAX
    this.#judgeFromMs = this.#now.ms + (isDoubt ? probeTimeoutMs / 2 : turnMs)
    if (isDoubt) this.#listenUntilMs = this.#judgeFromMs
  }
}
