// pure
/**
 * The control plane of a node as one machine: events in, effects out, time as a value. It decides everything and
 * does nothing: `node.ts` runs the effects, the simulator runs the very same code.
 */

import type { NodeId, SpecId } from '../ids.ts'
import { AntiEntropy } from '../protocol/anti-entropy.ts'
import { type MemberRow, isLeaving } from '../protocol/member-row.ts'
import type { MembershipEffect } from '../protocol/membership-effect.ts'
import { Membership } from '../protocol/membership.ts'
import { type Message, NO_ROWS, type Removal, type Rows } from '../protocol/messages.ts'
import { inFrames, isEmpty } from '../protocol/rows.ts'
import type { Timings } from '../protocol/timings.ts'
import type { Prng } from '../prng.ts'
import { unreachable } from '../assert.ts'
import { Bulletin } from './bulletin.ts'
import { Departure } from './departure.ts'
import type { CoreEvent, Effect } from './events.ts'
import { Greetings, NO_HELLO } from './greetings.ts'
import { Joining } from './joining.ts'
import { Ledger } from './ledger.ts'
import type { Occasion } from './news.ts'
import type { Now } from './now.ts'
import { Relay } from './relay.ts'
import { Spreading } from './spreading.ts'
import type { SpecStatus } from './supervision/spec-status.ts'
import { type Report, Supervisor } from './supervision/supervisor.ts'
import { Upkeep } from './supervision/upkeep.ts'

const NOTHING = { lost: 0, inherited: 0 }

export interface CoreInit {
  /** The node's own row, still `joining`. */
  readonly self: MemberRow
  readonly timings: Timings
  /** See `PUSHED_MAX`. */
  readonly pushedMax: number
  readonly prng: Prng
  readonly now: Now
}

export class Core {
  readonly ledger: Ledger
  readonly supervisor: Supervisor
  readonly spreading: Spreading
  readonly upkeep: Upkeep
  readonly #membership: Membership
  readonly antiEntropy: AntiEntropy
  readonly #departure = new Departure()
  readonly #joining: Joining
  readonly #relay: Relay
  readonly #bulletin = new Bulletin(effect => this.#effects.push(effect))
  readonly #effects: Effect[] = []
  /** What the worker that has just ended has left unread, and how much of that it was to start with. */
  #unread = NOTHING
  #now: Now
  readonly #greetings: Greetings

  constructor(init: CoreInit) {
    const { self, timings, pushedMax, prng, now } = init
    this.#now = now
    this.#greetings = new Greetings(timings.profile)
    this.#membership = new Membership({
      self,
      timings,
      pushedMax,
      prng: prng.fork('membership'),
      now,
      isNamed: run => this.ledger.isNamed(run),
      emit: effect => this.#onMembership(effect),
    })
    this.ledger = new Ledger(this.#membership, timings.tombstoneMs, effect => this.#effects.push(effect))
    const { tables } = this.ledger
    const ask = (peer: NodeId): void => this.antiEntropy.greet(peer)
    this.#joining = new Joining({ timings, startedMs: now.ms, membership: this.#membership, ask })
    this.#relay = new Relay({
      self: self.id,
      nowMs: now.ms,
      membership: this.#membership,
      helpersFor: target => this.#membership.witnesses.helpers(target),
      send: (to, message) => this.#send(to, message),
    })
    this.spreading = new Spreading({ self: self.id, tables, send: (to, message) => this.#send(to, message) })
    this.antiEntropy = new AntiEntropy({
      self: self.id,
      tables,
      periodMs: timings.digestPeriodMs,
      prng: prng.fork('anti-entropy'),
      nowMs: now.ms,
      send: (to, message) => {
        // Specs that somebody has missed: here, too, the members that this node knows come before them.
        if (message.kind === 'rows') this.#spread('ahead')
        this.#send(to, message)
      },
      isSure: () => this.#joining.isSure,
      onTold: peer => this.#bulletin.followTold(this.ledger.tables.members.get(peer)),
    })
    this.supervisor = new Supervisor(
      effect => this.#effects.push(effect),
      report => this.#onReport(report),
    )
    this.upkeep = new Upkeep({
      ledger: this.ledger,
      supervisor: this.supervisor,
      send: (to, message, again) => this.#relay.send(to, message, again),
      timings,
      onLost: (slot, heir, from) => this.#effects.push({ kind: 'state-lost', slot, heir, from }),
      onLegacyLost: legacy => this.#effects.push({ kind: 'legacy-lost', legacy }),
      onDeclined: (slot, forMs) => this.#bulletin.notify({ kind: 'worker:decline', slot, forMs }),
    })
  }

  get self(): MemberRow {
    return this.#membership.self
  }

  statusOf(id: SpecId): SpecStatus | undefined {
    return this.#bulletin.statusOf(id)
  }

  /** Takes in one event. @returns what is to be done about it, in this order */
  step(event: CoreEvent, now: Now): Effect[] {
    this.#now = now
    // Whoever has just stood still knows so before it decides anything, whatever comes first.
    this.#membership.enter(now)
    this.#handle(event)
    this.upkeep.onView(now)
    this.#joining.look(now)
    if (this.self.status !== 'joining') this.#evaluate()
    if (this.self.status === 'leaving') this.#depart()
    // Who has left says so before it closes.
    this.#spread(this.self.status === 'left' ? 'last' : 'due')
    const isGone = this.self.status === 'left' && this.#departure.mayClose(this.spreading.isHeard, now.ms)
    if (isGone) this.#effects.push({ kind: 'left' })
    return this.#effects.splice(0)
  }

  /** A sign of life of a peer, whatever it says. */
  onHeard(peer: NodeId, nowMs: number): void {
    this.#greetings.onHeard(peer, nowMs)
    this.#membership.onHeard(peer, nowMs)
  }

  /** When to call again with `time-passed`, if nothing happens before. */
  wakeAtMs(): number {
    return Math.min(
      this.#membership.wakeAtMs(),
      this.antiEntropy.wakeAtMs(),
      this.supervisor.wakeAtMs(),
      this.upkeep.wakeAtMs(),
      this.ledger.wakeAtMs(),
      this.#departure.wakeAtMs(this.#now.ms),
      this.#joining.wakeAtMs(),
      Math.max(this.#greetings.wakeAtMs(), this.#membership.wakefulness.judgeFromMs),
    )
  }

  #handle(event: CoreEvent): void {
    const nowMs = this.#now.ms
    switch (event.kind) {
      case 'seed-awaited':
        return this.#membership.contacts.awaitSeed(event.name)
      case 'seed-added':
        this.#membership.contacts.addSeed(event.address, nowMs, event.name)
        return this.#membership.tick(this.#now)
      case 'seed-removed':
        return this.#membership.contacts.removeSeed(event.address)
      case 'peer-found':
        this.#membership.contacts.find(event.peer, event.addresses, nowMs)
        return this.#membership.tick(this.#now)
      case 'twin-met':
        return this.#membership.merge({ ...this.self, boot: event.boot }, this.#now)
      case 'place-taken':
        return void this.#effects.push({ kind: 'replaced', by: { id: this.self.id, boot: event.boot } })
      case 'peer-dialled':
        return this.#membership.contacts.onDialled(event.key, event.peer, nowMs)
      case 'peer-up':
        return this.#onPeerUp(event.peer)
      case 'peer-down':
        this.#onSpread(this.spreading.onPeerDown(event.peer))
        this.#membership.onPeerDown(event.peer, this.#now)
        this.#greetings.onPeerDown(event.peer)
        this.antiEntropy.onPeerDown(event.peer)
        return this.#membership.tick(this.#now)
      case 'dial-failed':
        return this.#membership.onDialFailed(event.key, event, this.#now)
      case 'message-received':
        return this.#onMessage(event.from, event.message)
      case 'hint-received':
        return void this.#merge(event.rows)
      case 'specs-written':
        return event.changes.forEach(change => this.ledger.writeSpec(change, this.#now))
      case 'worker-started':
        return this.supervisor.onStarted(event.slot, event.incarnation, nowMs)
      case 'worker-ending':
        return this.supervisor.onEnding(event.slot, event.incarnation, event.exit)
      case 'worker-exited':
        this.#unread = { ...NOTHING, ...event }
        return this.supervisor.onExited(event.slot, event.incarnation, event.exit, nowMs)
      case 'time-passed':
        return this.#onTime()
      case 'addresses-changed':
        return this.#membership.declareSelf({ addresses: event.addresses }, this.#now)
      case 'leave-asked':
        this.#membership.declareSelf({ status: 'leaving' }, this.#now)
        this.#departure.begin(nowMs, event.byMs)
        return this.upkeep.onLeaving()
      case 'chains-drained':
        return this.upkeep.onLeaving('chains-drained')
      case 'drain-asked':
        return this.#drain(event.isDraining)
      default:
        return unreachable(event)
    }
  }

  #drain(isDraining: boolean): void {
    if ((this.self.isDraining ?? false) === isDraining || isLeaving(this.self)) return
    this.#membership.declareSelf({ isDraining }, this.#now)
  }

  #depart(): void {
    if (this.upkeep.mayDrainChains()) this.#effects.push({ kind: 'drain-chains' })
    const isIdle = this.upkeep.isIdle
    const isFree = this.upkeep.isFree || this.ledger.isAlone
    if (!this.#departure.isReady({ isIdle, isFree }, this.#now.ms)) return
    this.upkeep.giveUp()
    this.#membership.declareSelf({ status: 'left' }, this.#now)
  }

  #onTime(): void {
    const nowMs = this.#now.ms
    this.#joining.tick(this.#now)
    this.#membership.tick(this.#now)
    this.antiEntropy.tick(this.#membership.connected(), nowMs)
    this.supervisor.tick(nowMs)
    this.upkeep.tick(this.#now)
    for (const id of this.ledger.tombstones.take(nowMs)) this.#bury(id)
    this.ledger.tables.strays.tick(nowMs)
    // Who was not awake has not heard yet who has said hello meanwhile.
    const mute = nowMs < this.#membership.wakefulness.judgeFromMs ? [] : this.#greetings.take(nowMs)
    for (const peer of mute) this.#hangUp(peer, 'mute', NO_HELLO)
  }

  #onPeerUp(peer: NodeId): void {
    this.#membership.onPeerUp(peer, this.#now)
    const members = [...this.ledger.tables.members.rows()]
    const messages = this.#greetings.onPeerUp(peer, this.self, members, this.#now.ms)
    for (const message of messages) this.#send(peer, message)
    this.spreading.onPeerUp(peer)
    this.antiEntropy.onPeerUp(peer)
  }

  #onMessage(from: NodeId, message: Message): void {
    if (message.kind === 'hello') return this.#onHello(from, message)
    if (!this.#greetings.hasGreeted(from))
      return this.#hangUp(from, 'violation', 'it did not say hello first')
    if (message.kind !== 'relay') return this.#take(from, message)
    const carried = this.#relay.take(message, from, this.#now.ms)
    return carried && this.#take(message.from, carried)
  }

  #take(from: NodeId, message: Exclude<Message, { readonly kind: 'hello' | 'relay' }>): void {
    switch (message.kind) {
      case 'probe':
      case 'probe-ack':
      case 'probe-request':
      case 'probe-report':
      case 'accusations':
        return this.#membership.onMessage(from, message, this.#now)
      case 'merged':
        return this.#onMerged(message.ask, from)
      case 'rows':
        this.#mergeFrom(from, message.rows)
        // Of what was not taken in, its sender has just been told so: that counts no more for who waits there.
        if (message.ask !== undefined) this.#send(from, { kind: 'merged', ask: message.ask })
        return this.#joining.onRows(from)
      case 'handoff-ask':
      case 'handoff-refuse':
      case 'handoff-state':
        return this.upkeep.onHandoff(message, from, this.#now)
      case 'digest':
        return this.antiEntropy.onDigest(from, message.roots)
      case 'forget':
        return message.removals.forEach(removal => this.ledger.forget(removal, this.#now))
      case 'agree':
        return this.#joining.onAgreed(from, message.tables, this.#now)
      case 'buckets':
        return this.antiEntropy.onBuckets(from, message.table, message.digests, this.#now.ms)
      case 'want':
        return this.antiEntropy.onWant(from, message.table, message.buckets, this.#now.ms)
      default:
        return unreachable(message)
    }
  }

  #onHello(from: NodeId, hello: Message & { kind: 'hello' }): void {
    if (hello.run.id !== from) return this.#hangUp(from, 'violation', `it says that it is ${hello.run.id}`)
    this.#greetings.onHello(from)
    return this.#mergeFrom(from, hello.rows)
  }

  /** @returns the specs that were removed too long ago to be taken in */
  #merge(rows: Rows): readonly Removal[] {
    for (const row of rows.members) this.#membership.merge(row, this.#now)
    const { forgotten, rivals } = this.ledger.takeIn(rows, this.#now)
    this.#membership.tick(this.#now)
    for (const rival of rivals.filter(({ winner, loser }) => [winner, loser].includes(this.self.id)))
      this.#bulletin.notify({ kind: 'spec:superseded', ...rival })
    return forgotten
  }

  #mergeFrom(from: NodeId, rows: Rows): void {
    const removals = this.#merge(rows)
    this.antiEntropy.onRows(from, rows, this.#now.ms)
    if (removals.length > 0) this.#send(from, { kind: 'forget', removals })
  }

  /** A spec was removed long ago: its rows go, once nothing of it runs any more. */
  #bury(id: SpecId): void {
    if (this.#bulletin.statusOf(id)?.kind !== 'removed') return this.ledger.tombstones.defer(id, this.#now.ms)
    this.ledger.drop(id)
    return this.#bulletin.forget(id)
  }

  #onMembership(effect: MembershipEffect): void {
    if (effect.kind === 'degraded')
      return this.#bulletin.notify({ kind: 'node:degraded', health: effect.health })
    if (effect.kind !== 'member-changed') {
      this.#effects.push(effect)
      if (effect.kind !== 'reach-changed') return undefined
      return this.#bulletin.followReach(this.ledger.tables.members.get(effect.peer), effect)
    }
    this.ledger.onMemberChanged(effect)
    this.antiEntropy.onMemberChanged(effect.row)
    this.#onSpread(this.spreading.watched())
    return this.#bulletin.followMember(effect.row, effect.before)
  }

  #onReport(report: Report): void {
    const { spec, slot } = report.assignment
    const isNews = this.upkeep.onReport(report, this.#now)
    if (isNews) this.ledger.touch(spec)
    if (report.kind === 'started') this.#bulletin.notify({ kind: 'worker:start', slot })
    else if (report.toldBy === 'core') {
      const { lost, inherited } = this.#unread
      const kept = this.upkeep.keepsLegacy(slot) ? inherited : 0
      this.#bulletin.notify({ kind: 'worker:exit', slot, exit: report.exit, lost: lost - kept })
    }
    this.#unread = NOTHING
  }

  /** Looks at every spec of which something has changed, until nothing changes any more. */
  #evaluate(): void {
    for (let changed = this.ledger.takeChanged(); changed.length > 0; changed = this.ledger.takeChanged()) {
      for (const id of changed) {
        const row = this.ledger.tables.specs.get(id)
        if (row === undefined) continue
        const status = isLeaving(this.self)
          ? this.upkeep.leave(row, this.#bulletin.statusOf(id), this.#now)
          : this.upkeep.evaluate(row, this.#now)
        const phase = this.upkeep.findPhase(row, this.#now)
        // A worker that still stops under the id of a group is no way to that.
        const claim = row.body?.kind === 'worker' ? this.ledger.tables.claims.get(id) : undefined
        this.#bulletin.follow(row, { status, phase, claim })
      }
    }
  }

  /** Tells the others what this node has written: everybody directly, and failures by gossip too. */
  #spread(occasion: Occasion): void {
    const news = this.ledger.news.take(this.#now.ms, occasion)
    const peers = this.#membership.connected()
    if (isEmpty(news) || peers.length === 0) return
    this.spreading.tell(news, peers)
    this.#relay.tell(news)
    const phases = news.phases.filter(({ rank }) => rank === 'failed')
    for (const rows of inFrames({ ...NO_ROWS, phases })) this.#effects.push({ kind: 'publish-hint', rows })
  }

  #onMerged(ask: number, from: NodeId): void {
    const merged = this.spreading.onMerged(ask, from)
    this.#onSpread(merged?.specs ?? [])
    this.upkeep.onPushed(merged?.slots ?? [])
  }

  #onSpread(specs: Iterable<SpecId>): void {
    for (const id of specs) this.#bulletin.notify({ kind: 'spec:spread', id })
  }

  #send(to: NodeId, message: Message): void {
    this.#effects.push({ kind: 'send', to, message })
  }

  #hangUp(peer: NodeId, offence: 'violation' | 'mute', reason: string): void {
    this.#effects.push({ kind: 'hang-up', peer, offence, reason })
  }
}
