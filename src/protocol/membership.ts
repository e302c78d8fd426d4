// pure
/** Who is in the mesh: SWIM over sessions, with refutable death. Rows are judged here; probing and dialling are elsewhere. */

import { unreachable } from '../assert.ts'
import type { NodeId, Run } from '../ids.ts'
import type { DialProblem } from './contact.ts'
import { Contacts } from './contacts.ts'
import { Dissemination, type News } from './dissemination.ts'
import { LocalHealth } from './local-health.ts'
import { type MemberRow, type SelfChange, compareMembers, isOver } from './member-row.ts'
import type { MemberMessage, MembershipInit, Moment } from './membership-effect.ts'
import { type Message, NO_ROWS, type NodeStat } from './messages.ts'
import { PeerStats } from './peer-stats.ts'
import { Prober, type ProberEffect } from './prober.ts'
import { Reach } from './reach.ts'
import type { RecordStore } from './record-store.ts'
import { FORGET_PERIOD_MS, Roster } from './roster.ts'
import { type Accusation, type Evidence, Suspicions } from './suspicions.ts'
import type { Timings } from './timings.ts'
import { Wakefulness } from './wakefulness.ts'
import { Witnesses } from './witnesses.ts'

export class Membership {
  /** Whom to dial: seeds, members, former members. */
  readonly contacts: Contacts
  readonly health = new LocalHealth()
  readonly #init: MembershipInit
  readonly #timings: Timings
  readonly #roster: Roster
  readonly #reach = new Reach()
  readonly #prober: Prober
  /** Who may be asked for a member that this node does not reach, and whose word counts. */
  readonly witnesses: Witnesses
  readonly #suspicions: Suspicions
  readonly #news = new Dissemination()
  readonly #stats = new PeerStats()
  readonly wakefulness: Wakefulness
  #now: Moment
  #nextForgetMs = -Infinity

  constructor(init: MembershipInit) {
    const { self, timings, prng, now, isNamed } = init
    this.#init = init
    this.#timings = timings
    this.#now = now
    this.wakefulness = new Wakefulness(timings, now, () => this.#roster.others())
    this.#roster = new Roster({ self, timings, isMet: id => this.isConnected(id), isNamed })
    this.contacts = new Contacts(self, timings, prng.fork('contacts'))
    const known = { roster: this.#roster, reach: this.#reach, stats: this.#stats, health: this.health }
    this.witnesses = new Witnesses({ timings, ...known })
    this.#suspicions = new Suspicions(timings, this.witnesses)
    this.#prober = new Prober({
      timings,
      prng: prng.fork('prober'),
      reach: this.#reach,
      health: this.health,
      nowMs: now.ms,
      judgeFromMs: () => this.wakefulness.judgeFromMs,
      members: () => this.#roster.others(),
      helpers: target => this.witnesses.helpers(target),
      emit: effect => this.#onProber(effect),
    })
  }

  get self(): MemberRow {
    return this.#roster.self
  }

  get table(): RecordStore<MemberRow> {
    return this.#roster.table
  }

  /** Every node that takes part, this one included, in the order in which they became known. */
  present(): readonly MemberRow[] {
    return this.#roster.present()
  }

  /** Whether the node takes part now, in whatever run. */
  isPresent(node: NodeId): boolean {
    return this.#roster.isPresent(node)
  }

  /** Whether the run will never take part again, as far as is known: it has died, left, or been followed by another. */
  isGone(run: Run): boolean {
    return this.#roster.isGone(run)
  }

  /** Others have given that run something to run: it lives for them. */
  onGiven(run: Run): void {
    this.#roster.disputes.hear(run, this.#now.ms)
  }

  isConnected(peer: NodeId): boolean {
    return this.#reach.isConnected(peer)
  }

  connected(): readonly NodeId[] {
    return this.#reach.connected()
  }

  /** Whether all others are told of news directly; in a large mesh, probes carry it. */
  get isPushing(): boolean {
    return this.#reach.sessionCount <= this.#init.pushedMax
  }

  /** Who reaches a member that this node has not reached for long; empty where it does, or nobody does. */
  reachedBy(peer: NodeId): readonly NodeId[] {
    return this.#reach.reachedBy(peer)
  }

  onPeerUp(peer: NodeId, now: Moment): void {
    this.enter(now)
    this.#reach.onPeerUp(peer, now.ms)
    this.contacts.onPeerUp(peer)
  }

  onPeerDown(peer: NodeId, now: Moment): void {
    this.enter(now)
    this.#reach.onPeerDown(peer, now.ms)
    this.contacts.onPeerDown(peer, now.ms)
  }

  onDialFailed(key: string, problem: DialProblem, now: Moment): void {
    this.enter(now)
    const peer = this.contacts.onDialFailed(key, problem, now.ms)
    if (peer === undefined || problem.failure !== 'refused') return
    const isNews = this.#reach.isRefusalNews(peer)
    // Refused again, or dead for others: that says enough, also where this node is too late for everything else.
    if (isNews ? this.#suspicions.isTold(peer) : this.#suspicions.isGone(peer, now.ms, this.wakefulness))
      return this.#decide(peer)
    if (isNews && this.#accuse(peer, 'refused')) this.#reach.onRefusalTold(peer)
  }

  onHeard(peer: NodeId, nowMs: number): void {
    this.wakefulness.onHeard(peer, nowMs, this.#reach.upMs(peer))
    this.#reach.onHeard(peer, nowMs)
  }

  /** A message that is about membership alone. */
  onMessage(from: NodeId, message: MemberMessage, now: Moment): void {
    this.enter(now)
    switch (message.kind) {
      case 'probe':
        this.#hear(from, message)
        return this.#send(from, { kind: 'probe-ack', n: message.n, ...this.#pack(from) })
      case 'probe-ack':
        this.#hear(from, message)
        return this.#prober.onAnswer(from)
      case 'probe-request':
        return this.#prober.onRequest(from, message.target, { n: message.n, nowMs: now.ms })
      case 'probe-report':
        if (message.isHeard) this.wakefulness.onVouched(message.target, now.ms)
        return this.#prober.onReport(from, message.target, { ...message, nowMs: now.ms })
      case 'accusations':
        for (const accusation of message.accusations) this.#onAccusation(accusation)
        return undefined
      default:
        return unreachable(message)
    }
  }

  /** Says how this node stands from now on. */
  declareSelf(change: SelfChange, now: Moment): void {
    this.enter(now)
    if (change.addresses !== undefined) this.contacts.listenAt(change.addresses)
    this.#writeSelf({ ...this.self, seq: this.self.seq + 1, ...change })
  }

  /** Takes in a row that somebody else has sent. */
  merge(row: MemberRow, now: Moment): void {
    this.enter(now)
    this.#take(row)
  }

  tick(now: Moment): void {
    this.enter(now)
    this.#refute()
    for (const peer of this.#reach.missing(now.ms, this.#timings)) this.#miss(peer)
    for (const change of this.#reach.takeChanges(now.ms, this.#timings))
      this.#init.emit({ kind: 'reach-changed', ...change })
    this.#prober.tick(now.ms)
    for (const peer of this.wakefulness.takeUnheard(now.ms)) this.#prober.greet(peer)
    const isJudging = now.ms >= this.wakefulness.judgeFromMs
    for (const id of isJudging ? this.#suspicions.due(now.ms) : []) this.#decide(id)
    for (const peer of isJudging ? this.#reach.takeDead(now.ms, this.#timings) : []) this.#renew(peer)
    for (const row of this.#roster.disputes.take(now.ms)) this.#onChanged(row, row, false)
    if (now.ms >= this.#nextForgetMs) this.#forget()
    for (const dial of this.contacts.take(now.ms)) this.#init.emit({ kind: 'dial', ...dial })
    for (const seed of this.contacts.takeSilent(now.ms)) this.#init.emit({ kind: 'dial-silent', ...seed })
    if (this.health.takeDegraded()) this.#init.emit({ kind: 'degraded', health: this.health.score })
  }

  /** When to call `tick`, if nothing happens before. */
  wakeAtMs(): number {
    const dialMs = Math.min(this.contacts.wakeAtMs(), this.contacts.silentAtMs())
    return Math.min(this.dutyMs(), dialMs, this.#roster.wakeAtMs(), this.wakefulness.wakeAtMs())
  }

  /** When the first of that is due which cannot be done later without saying something about this node. */
  dutyMs(): number {
    const decideMs = Math.min(this.#suspicions.wakeAtMs(this.#now.ms), this.#reach.deadAtMs(this.#timings))
    return Math.min(this.#prober.wakeAtMs(), Math.max(decideMs, this.wakefulness.judgeFromMs))
  }

  /** Time goes on. What others did not answer while this node was not awake says nothing of them, unless it never is. */
  enter(now: Moment): void {
    const state = now === this.#now ? 'awake' : this.wakefulness.notice(now, this.dutyMs())
    this.#now = now
    if (state === 'awake') return this.health.rest(now.ms, this.#timings.probePeriodMs)
    this.health.disturb(now.ms)
    if (state === 'slow') return undefined
    this.#prober.onSlept(now.ms)
    this.#reach.onSlept(now.ms)
    if (state === 'asleep') this.wakefulness.hold()
    return this.#suspicions.onSlept(now.ms, this.wakefulness)
  }

  /** A member without a session is not probed by its turn only. */
  #miss(peer: NodeId): void {
    if (this.#roster.find(peer) === undefined) return this.#reach.forget(peer)
    if (!this.#suspicions.has(peer)) this.#prober.probe(peer, this.#now.ms)
  }

  #onProber(effect: ProberEffect): void {
    switch (effect.kind) {
      case 'probe':
        if (this.#reach.isStuck(effect.to, this.wakefulness, this.#timings)) return this.#renew(effect.to)
        this.#reach.onAsked(effect.to, this.#now.ms)
        return this.#send(effect.to, { kind: 'probe', n: effect.n, ...this.#pack(effect.to) })
      case 'send':
        return this.#send(effect.to, effect.message)
      case 'silent':
        return void this.#accuse(effect.target, 'silent')
      default:
        return unreachable(effect)
    }
  }

  /** What rides on a probe or its answer. */
  #pack(peer: NodeId): { readonly stat: NodeStat; readonly news: News } {
    const unreached = this.#reach.unreachable(this.#now.ms, this.#timings)
    return { stat: { health: this.health.score, unreachable: unreached }, news: this.#news.take(peer) }
  }

  #hear(from: NodeId, { stat, news }: MemberMessage & { kind: 'probe' | 'probe-ack' }): void {
    this.#reach.onMet(from, this.#now.ms)
    if (this.#roster.find(from) !== undefined) this.#stats.set(from, stat)
    for (const row of news.members) this.#take(row)
    for (const accusation of news.accusations) this.#onAccusation(accusation)
  }

  #take(row: MemberRow): void {
    if (row.id === this.self.id) this.#takeOwn(row)
    else if (row.status === 'dead' && this.witnesses.isLiving(row, this.#now.ms)) this.#warn(row)
    else if (row.status === 'dead' && this.witnesses.mayLive(row, this.#now.ms)) this.#onTold(row)
    else if (!this.#roster.isStale(row, this.#now.wallMs) || this.#init.isNamed(row)) this.#apply(row, false)
    else this.#roster.note(row)
  }

  #takeOwn(row: MemberRow): void {
    if (compareMembers(row, this.self) <= 0) return
    const isAccused = row.status === 'suspect' || row.status === 'dead'
    if (row.boot === this.self.boot && isAccused) return this.#refute(row.seq)
    // An earlier run, by a clock that was ahead. Whoever comes later is the later run.
    if (this.self.status === 'joining') return this.#writeSelf({ ...this.self, boot: row.boot + 1 })
    // Nobody but this run raises its numbers or says anything else of it: another process has its key.
    this.#init.emit({ kind: 'replaced', by: { id: row.id, boot: row.boot } })
  }

  #refute(accused?: number): void {
    const seq = this.#roster.refutation.take(this.#now.ms, accused)
    if (seq === undefined) return
    this.health.raise()
    this.#writeSelf({ ...this.self, seq: Math.max(seq, this.self.seq) + 1 })
  }

  #writeSelf(row: MemberRow): void {
    const before = this.self
    this.#roster.writeSelf(row.status === 'left' ? { ...row, endedMs: this.#now.wallMs } : row)
    this.#onChanged(this.self, before, true)
  }

  #apply(row: MemberRow, authored: boolean): void {
    const before = this.table.get(row.id)
    const merged = this.#roster.merge(row, this.#now.ms)
    if (merged === undefined) return
    const { id, status } = merged
    if (status === 'left') this.contacts.forget(id)
    else this.contacts.note(id, merged.addresses, this.#now.ms)
    if (isOver(merged)) {
      this.contacts.lose(id)
      this.#reach.forget(id)
      this.#stats.forget(id)
    } else if (before !== undefined && before.boot !== merged.boot) {
      this.#reach.onNewRun(id, this.#now.ms)
      this.contacts.onNewRun(id, merged.addresses)
    } else {
      this.#reach.onMember(id, this.#now.ms)
    }
    if (status === 'suspect') this.#suspect(merged)
    else this.#suspicions.end(id)
    this.#onChanged(merged, before, authored)
    if (status === 'dead' && !authored) this.#reach.onDead(id, this.#now.ms)
    if ((status === 'suspect' || status === 'dead') && !authored) this.#warn(merged)
  }

  /** Others have found it dead, as over a link that was cut: here that is a suspicion first, with its time to refute. */
  #onTold(row: MemberRow): void {
    const status = this.#roster.find(row.id)?.status ?? 'alive'
    this.#apply({ ...row, status: status === 'alive' ? 'suspect' : status, endedMs: undefined }, true)
    this.#suspect(row)
    this.#suspicions.onTold(row.id)
    this.#warn(row)
  }

  #onChanged(row: MemberRow, before: MemberRow | undefined, authored: boolean): void {
    this.#news.addRow(row, this.#roster.count)
    this.#init.emit({ kind: 'member-changed', row, before, authored })
  }

  #suspect(row: MemberRow): void {
    this.#suspicions.begin(row, row.seq, { count: this.#roster.count, nowMs: this.#now.ms })
  }

  /** Tells a node what is said of it, so that it can refute at once. */
  #warn(row: MemberRow): void {
    if (!this.isConnected(row.id) || !this.#roster.warnings.take(row, this.#now.ms)) return
    this.#send(row.id, { kind: 'rows', rows: { ...NO_ROWS, members: [row] } })
  }

  /** This node has found something against `peer`. @returns whether it accuses anybody now */
  #accuse(peer: NodeId, evidence: Evidence): boolean {
    const row = this.#roster.find(peer)
    if (row === undefined || this.#now.ms < this.wakefulness.accuseFromMs) return false
    // That a port refuses does not rest on how well this node is: the machine of the peer has said so.
    const isUnsure = !this.#prober.mayJudge(peer) || this.wakefulness.isAwayFrom(peer, this.#now.ms)
    if (evidence === 'silent' && isUnsure) return false
    const accusation = { run: { id: row.id, boot: row.boot }, seq: row.seq, by: this.self.id, evidence }
    if (row.status === 'alive') this.#apply({ ...row, status: 'suspect' }, true)
    else this.#suspect(row)
    if (this.#suspicions.addWitness(accusation)) this.#tell(accusation)
    return true
  }

  #tell(accusation: Accusation): void {
    this.#news.addAccusation(accusation, this.#roster.count)
    if (!this.isPushing) return
    for (const peer of this.connected()) this.#send(peer, { kind: 'accusations', accusations: [accusation] })
  }

  #onAccusation(accusation: Accusation): void {
    const { run, seq, by, evidence } = accusation
    const row = this.#roster.find(run.id)
    // What is said of another sequence number is about another state: its row travels by itself.
    if (row === undefined || row.boot !== run.boot || row.seq !== seq) return
    if (run.id === this.self.id) return this.#refute(seq)
    if (row.status === 'alive') this.#apply({ ...row, status: 'suspect' }, false)
    else this.#suspect(row)
    if (!this.#suspicions.addWitness(accusation)) return
    if (evidence === 'refused') this.#reach.onRefusedTo(run.id, by)
    this.#news.addAccusation(accusation, this.#roster.count)
    // Each further witness makes it shorter: find out at once.
    const silentMs = this.#now.ms - this.#reach.heardMs(run.id)
    if (silentMs > this.#timings.probeTimeoutMs) this.#prober.probe(run.id, this.#now.ms)
  }

  /** A suspect has had its time. If it answers us, the warning has been lost, and our own ears come first. */
  #decide(id: NodeId): void {
    const row = this.#roster.find(id)
    if (row === undefined) return this.#suspicions.end(id)
    const isGone = this.#suspicions.isGone(id, this.#now.ms)
    if (this.witnesses.isLiving(row, this.#now.ms) && !(isGone && this.witnesses.isAlone(this.#now.ms))) {
      this.#suspicions.restart(id, this.#now.ms)
      this.#reach.onLiving(id)
      return this.#warn(row)
    }
    const isAway = !this.#reach.isRefused(id) && this.wakefulness.isAwayFrom(id, this.#now.ms)
    const isTold = this.#suspicions.isTold(id)
    if (!isGone && !isTold && (isAway || !this.#prober.mayJudge(id)))
      return this.#suspicions.postpone(id, this.#now.ms + this.#timings.probePeriodMs)
    this.#apply({ ...row, status: 'dead', endedMs: this.#now.wallMs }, !isTold)
    if (!isTold && this.#reach.isConnected(id)) this.#renew(id)
  }

  /** The session is stuck, or its peer dead: it is ended, and dialled anew. */
  #renew(peer: NodeId): void {
    this.#init.emit({ kind: 'renew', peer })
  }

  #forget(): void {
    this.#nextForgetMs = this.#now.ms + FORGET_PERIOD_MS
    for (const id of this.#roster.forget(this.#now.wallMs)) this.contacts.forget(id)
    for (const row of this.#roster.takeNamed()) this.#apply(row, false)
  }

  #send(to: NodeId, message: Message): void {
    this.#init.emit({ kind: 'send', to, message })
  }
}
