// pure
/**
 * SWIM's probing (Das, Gupta, Motivala, 2002): one member after the other is asked for a sign of life; who gives none
 * in time is asked by others too; who gives none to them either, has failed the probe.
 */

import type { NodeId } from '../ids.ts'
import type { Prng } from '../prng.ts'
import { Favours } from './favours.ts'
import type { LocalHealth } from './local-health.ts'
import type { Message } from './messages.ts'
import type { Reach } from './reach.ts'
import type { Timings } from './timings.ts'

export type ProberEffect =
  | { readonly kind: 'probe'; readonly to: NodeId; readonly n: number }
  /** `to` is asked to probe a third one, or told what has come of that. */
  | {
      readonly kind: 'send'
      readonly to: NodeId
      readonly message: Message & { kind: 'probe-request' | 'probe-report' }
    }
  /** Nobody has had a sign of life of `target`. */
  | { readonly kind: 'silent'; readonly target: NodeId }

export interface ProberInit {
  readonly timings: Timings
  readonly prng: Prng
  readonly reach: Reach
  readonly health: LocalHealth
  readonly nowMs: number
  /** No verdict before: see `Wakefulness`. */
  readonly judgeFromMs: () => number
  /** All members but this node. */
  readonly members: () => readonly NodeId[]
  /** Who can be asked to probe `target`, those who say that they cannot reach it left out. */
  readonly helpers: (target: NodeId) => readonly NodeId[]
  readonly emit: (effect: ProberEffect) => void
}

/** This node asks so many others to probe for it. memberlist's `IndirectChecks`. */
const HELPERS = 3

/** One member is probed by this node each half period: so each is probed by somebody twice a period. */
const PROBES_PER_PERIOD = 2

/**
 * Two that have met within this part of the time between two probes, whichever of them has probed, leave out a turn: in
 * a small mesh that is every other probe, and in a large one hardly any. Less than one: a node's own probe, answered
 * in no time, must not make it leave out the next turn of the only other one.
 */
const MET_SHARE = 0.8

/** Who probes for another says no a little earlier than it would for itself: the other one waits. As in memberlist. */
const RELAY_PATIENCE = 0.8

/**
 * A degraded node says of a member that it is silent when probes of it have failed over so many periods, with no sign of life
 * meanwhile: a node that is well says so after one probe, of one period.
 */
const DEGRADED_PERIODS = 24

/** No more probes wait for their answers; those beyond come by their turn. */
export const PROBES_MAX = 32

/** No more probes are under way for others; to the rest the answer is no. */
export const RELAYS_MAX = 256

interface Probe {
  readonly n: number
  readonly target: NodeId
  readonly sentMs: number
  /** Until then it is this node's own affair. */
  readonly directUntilMs: number
  readonly untilMs: number
  /** Who was asked, and has not answered that it hears nothing either; undefined before anybody was. */
  waiting: Set<NodeId> | undefined
  asked: number
  /** When all who were asked had said no: nothing can come any more. */
  hopelessMs: number | undefined
}

/** A probe for somebody else. */
interface Relay {
  readonly requester: NodeId
  readonly target: NodeId
  readonly n: number
  readonly sentMs: number
  readonly untilMs: number
}

export class Prober {
  readonly #init: ProberInit
  readonly #probes = new Map<NodeId, Probe>()
  readonly #relays = new Set<Relay>()
  readonly #favours = new Favours()
  /** Who has had no turn yet in this round, the next one last. */
  #ring: NodeId[] = []
  /** The members in the order of this round. */
  #order: readonly NodeId[] = []
  /** Who answers others and not this node: probed next, so that a session that is stuck is found out. */
  readonly #again = new Set<NodeId>()
  #count = 0
  #nextMs: number

  constructor(init: ProberInit) {
    this.#init = init
    // Nodes that start together would otherwise all probe at the same moments, and meet twice each time.
    this.#nextMs = init.nowMs + this.#spacingMs() * init.prng.between(0.5, 1.5)
  }

  /** Probes a member out of its turn, unless that is under way, or it is too early to judge it. */
  probe(target: NodeId, nowMs: number): void {
    if (this.#probes.has(target) || this.#probes.size >= PROBES_MAX) return
    const { timings, health, reach } = this.#init
    if (reach.isMeeting(target, nowMs, timings)) return
    const isConnected = reach.isConnected(target)
    this.#count += 1
    const probe: Probe = {
      n: this.#count,
      target,
      sentMs: nowMs,
      directUntilMs: nowMs + (isConnected ? timings.probeTimeoutMs * health.factor : 0),
      untilMs: nowMs + timings.probePeriodMs * health.factor,
      waiting: undefined,
      asked: 0,
      hopelessMs: undefined,
    }
    this.#probes.set(target, probe)
    if (isConnected) this.#init.emit({ kind: 'probe', to: target, n: probe.n })
    else this.#ask(probe)
  }

  /** Asks a peer for a sign of life, or others for word of it where there is no session. No verdict follows. */
  greet(peer: NodeId): void {
    const { reach, emit } = this.#init
    this.#count += 1
    if (reach.isConnected(peer)) emit({ kind: 'probe', to: peer, n: this.#count })
    else this.#askOthers(peer, this.#count)
  }

  /** A sign of life of `from`: whoever waits for one is told. */
  onAnswer(from: NodeId): void {
    this.#succeed(from)
    for (const relay of this.#relays) if (relay.target === from) this.#report(relay, true)
  }

  /** Somebody asks this node to probe for it. */
  onRequest(
    requester: NodeId,
    target: NodeId,
    context: { readonly n: number; readonly nowMs: number },
  ): void {
    const { reach, emit, timings, health } = this.#init
    const { n, nowMs } = context
    const isPossible = reach.isConnected(target) && this.#relays.size < RELAYS_MAX
    if (!isPossible || !this.#favours.take(requester, target, nowMs)) {
      emit({ kind: 'send', to: requester, message: { kind: 'probe-report', n, target, isHeard: false } })
      return
    }
    const untilMs = nowMs + timings.probeTimeoutMs * health.factor * RELAY_PATIENCE
    this.#relays.add({ requester, target, n, sentMs: nowMs, untilMs })
    this.#count += 1
    emit({ kind: 'probe', to: target, n: this.#count })
  }

  /** What somebody says who was asked. A no to an earlier question says nothing of this one; a yes is a sign of life. */
  onReport(
    from: NodeId,
    target: NodeId,
    context: { readonly n: number; readonly isHeard: boolean; readonly nowMs: number },
  ): void {
    if (context.isHeard) {
      const { reach } = this.#init
      reach.onVouched(target, from, context.nowMs)
      if (this.#probes.has(target) && reach.silenceMs(target, context.nowMs) > 0) this.#again.add(target)
      this.#succeed(target)
      return
    }
    const probe = this.#probes.get(target)
    if (probe?.n !== context.n || probe.waiting?.delete(from) !== true) return
    if (probe.waiting.size === 0) probe.hopelessMs = context.nowMs
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    for (const probe of this.#probes.values()) this.#follow(probe, nowMs)
    for (const relay of this.#relays) {
      if (this.#init.reach.heardMs(relay.target) > relay.sentMs) this.#report(relay, true)
      else if (relay.untilMs <= nowMs) this.#report(relay, false)
    }
    if (nowMs < this.#nextMs) return
    this.#nextMs = nowMs + this.#spacingMs()
    const target = this.#takeAgain() ?? this.#turn()
    if (target !== undefined && !this.#hasMet(target, nowMs)) this.probe(target, nowMs)
  }

  #hasMet(target: NodeId, nowMs: number): boolean {
    const { reach, timings } = this.#init
    return nowMs - reach.metMs(target) < (MET_SHARE * timings.probePeriodMs) / PROBES_PER_PERIOD
  }

  /** When something is due; in the past when this node is late. */
  wakeAtMs(): number {
    let wakeAtMs = this.#nextMs
    for (const probe of this.#probes.values()) {
      const isOwn = probe.waiting === undefined
      wakeAtMs = Math.min(wakeAtMs, isOwn ? probe.directUntilMs : this.#verdictMs(probe))
    }
    for (const { untilMs } of this.#relays) wakeAtMs = Math.min(wakeAtMs, untilMs)
    return wakeAtMs
  }

  /** This node has slept: whatever was not answered meanwhile says nothing. */
  onSlept(nowMs: number): void {
    this.#probes.clear()
    this.#relays.clear()
    this.#again.clear()
    this.#nextMs = nowMs
  }

  /**
   * Whether this node may say that the target is silent: it is well, or the target has been silent for so long that it may
   * all the same. Nobody else may be there to find it.
   */
  mayJudge(target: NodeId): boolean {
    const { health, reach, timings } = this.#init
    return !health.isDegraded || reach.vainMs(target) >= DEGRADED_PERIODS * timings.probePeriodMs
  }

  #spacingMs(): number {
    return (this.#init.timings.probePeriodMs / PROBES_PER_PERIOD) * this.#init.health.factor
  }

  #takeAgain(): NodeId | undefined {
    const [target] = this.#again
    if (target !== undefined) this.#again.delete(target)
    return target
  }

  /**
   * Round robin over a shuffled ring: every member has its turn once before any has it twice. Who was early in one round
   * is early in the next: nobody waits longer than a round and a half.
   */
  #turn(): NodeId | undefined {
    const members = this.#init.members()
    if (members.length === 0) return undefined
    const known = new Set(members)
    for (;;) {
      if (this.#ring.length === 0) this.#begin(known)
      const target = this.#ring.pop()
      if (target === undefined || known.has(target)) return target
    }
  }

  #begin(members: ReadonlySet<NodeId>): void {
    const { prng } = this.#init
    const stayed = this.#order.filter(id => members.has(id))
    const half = Math.floor(stayed.length / 2)
    const added = [...members].filter(id => !stayed.includes(id))
    const [early, late] = [prng.shuffle(stayed.slice(0, half)), prng.shuffle(stayed.slice(half))]
    this.#order = [...early, ...late]
    for (const id of prng.shuffle(added)) {
      this.#order = this.#order.toSpliced(prng.below(this.#order.length + 1), 0, id)
    }
    this.#ring = this.#order.toReversed()
  }

  #follow(probe: Probe, nowMs: number): void {
    if (this.#init.reach.heardMs(probe.target) > probe.sentMs) return this.#succeed(probe.target)
    if (probe.waiting === undefined && nowMs >= probe.directUntilMs) this.#ask(probe)
    if (nowMs >= this.#verdictMs(probe)) this.#fail(probe, nowMs)
  }

  /** When it has failed, as things are: at its end, or as soon as all who were asked have said no. */
  #verdictMs({ hopelessMs, untilMs }: Probe): number {
    return Math.max(hopelessMs ?? untilMs, this.#init.judgeFromMs())
  }

  #ask(probe: Probe): void {
    const asked = this.#askOthers(probe.target, probe.n)
    probe.waiting = new Set(asked)
    probe.asked = asked.length
  }

  #askOthers(target: NodeId, n: number): readonly NodeId[] {
    const { prng, helpers, emit } = this.#init
    const asked = prng.shuffle(helpers(target)).slice(0, HELPERS)
    for (const to of asked) emit({ kind: 'send', to, message: { kind: 'probe-request', n, target } })
    return asked
  }

  #succeed(target: NodeId): void {
    if (this.#probes.delete(target)) this.#init.health.lower()
  }

  #fail(probe: Probe, nowMs: number): void {
    const { reach, health, emit } = this.#init
    const { target, sentMs } = probe
    this.#probes.delete(target)
    reach.onVain(target, sentMs, nowMs)
    // Nobody has even said no: either they are all cut off from here, or this node does not get round to hearing them.
    const isUnheard = probe.asked > 0 && probe.waiting?.size === probe.asked
    if (isUnheard && reach.hasHeardSince(sentMs)) health.raise()
    emit({ kind: 'silent', target })
  }

  #report(relay: Relay, isHeard: boolean): void {
    const { requester, target, n } = relay
    this.#relays.delete(relay)
    this.#init.emit({ kind: 'send', to: requester, message: { kind: 'probe-report', n, target, isHeard } })
  }
}
