// pure
/**
 * The control plane of a node as one machine: events in, effects out, time as a value. It decides everything and
 * does nothing: `node.ts` runs the effects, the simulator runs the very same code.
 */

import type { NodeId, SpecId } from '../ids.ts'
import { AntiEntropy } from '../protocol/anti-entropy.ts'
import { type MemberRow, isPresent } from '../protocol/member-row.ts'
import { Membership, type MembershipEffect } from '../protocol/membership.ts'
import { type Message, NO_ROWS, PROTOCOL, type Rows, speakTogether } from '../protocol/messages.ts'
import type { Phase } from '../protocol/phase.ts'
import { inFrames, isEmpty } from '../protocol/rows.ts'
import type { SpecRow } from '../protocol/spec-row.ts'
import type { Timings } from '../protocol/timings.ts'
import type { Prng } from '../prng.ts'
import { unreachable } from '../assert.ts'
import type { CoreEvent, Effect } from './events.ts'
import { Ledger } from './ledger.ts'
import type { Now } from './now.ts'
import { Claims } from './supervision/claims.ts'
import { Generations } from './supervision/generations.ts'
import type { SpecStatus } from './supervision/spec-status.ts'
import { type Report, Supervisor } from './supervision/supervisor.ts'

/** In a mesh with more sessions than this, what is learnt of members is not passed on at once. */
const PASSED_ON_MAX = 64

export interface CoreInit {
  /** The node's own row, still `joining`. */
  readonly self: MemberRow
  readonly timings: Timings
  readonly prng: Prng
  readonly now: Now
}

export class Core {
  readonly ledger: Ledger
  readonly supervisor: Supervisor
  readonly #membership: Membership
  readonly #antiEntropy: AntiEntropy
  readonly #claims: Claims
  readonly #generations: Generations
  readonly #timings: Timings
  readonly #startedMs: number
  readonly #statuses = new Map<SpecId, SpecStatus>()
  readonly #followed = new Map<SpecId, Followed>()
  #effects: Effect[] = []
  #now: Now
  readonly #greeted = new Set<NodeId>()

  constructor(init: CoreInit) {
    const { self, timings, prng, now } = init
    this.#timings = timings
    this.#now = now
    this.#startedMs = now.ms
    this.#membership = new Membership({
      self,
      timings,
      prng: prng.fork('membership'),
      nowMs: now.ms,
      emit: effect => this.#onMembership(effect),
    })
    this.ledger = new Ledger(this.#membership)
    this.#antiEntropy = new AntiEntropy({
      tables: this.ledger.tables,
      periodMs: timings.digestPeriodMs,
      prng: prng.fork('anti-entropy'),
      nowMs: now.ms,
      send: (to, message) => this.#send(to, message),
    })
    this.supervisor = new Supervisor(
      effect => this.#effects.push(effect),
      report => this.#onReport(report),
    )
    this.#claims = new Claims(this.ledger, this.supervisor)
    this.#generations = new Generations(this.ledger, this.supervisor)
  }

  get self(): MemberRow {
    return this.#membership.self
  }

  statusOf(id: SpecId): SpecStatus | undefined {
    return this.#statuses.get(id)
  }

  /** Takes in one event. @returns what is to be done about it, in this order */
  step(event: CoreEvent, now: Now): Effect[] {
    this.#now = now
    this.#handle(event)
    if (this.self.status !== 'joining') this.#evaluate()
    if (this.self.status === 'leaving' && this.supervisor.size === 0) {
      this.#membership.declareSelf('left')
      this.#effects.push({ kind: 'left' })
    }
    this.#spread()
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** A sign of life of a peer outside the control lane. */
  onHeard(peer: NodeId, nowMs: number): void {
    this.#membership.onHeard(peer, nowMs)
  }

  /** When to call again with `time-passed`, if nothing happens before. */
  wakeAtMs(): number {
    return Math.min(
      this.#membership.wakeAtMs(),
      this.#antiEntropy.wakeAtMs(),
      this.supervisor.wakeAtMs(),
      this.#claims.wakeAtMs(),
      this.#generations.wakeAtMs(),
      this.self.status === 'joining' ? this.#joinByMs() : Infinity,
    )
  }

  #handle(event: CoreEvent): void {
    const nowMs = this.#now.ms
    switch (event.kind) {
      case 'seed-added':
        this.#membership.addSeed(event.address, nowMs)
        return this.#membership.tick(nowMs)
      case 'peer-found':
        this.#membership.onDiscovered(event.peer, event.addresses, nowMs)
        return this.#membership.tick(nowMs)
      case 'peer-dialled':
        return this.#membership.onDialled(event.key, event.peer, nowMs)
      case 'peer-up':
        return this.#onPeerUp(event.peer)
      case 'peer-down':
        this.#membership.onPeerDown(event.peer, nowMs)
        this.#greeted.delete(event.peer)
        return this.#membership.tick(nowMs)
      case 'dial-failed':
        return this.#membership.onDialFailed(event.key, event.failure, event.reason, nowMs)
      case 'message-received':
        this.#membership.onHeard(event.from, nowMs)
        return this.#onMessage(event.from, event.message)
      case 'hint-received':
        return this.#merge(event.rows)
      case 'spec-declared':
        this.ledger.writeSpec(event.id, event.body, this.#now.wallMs)
        return undefined
      case 'spec-removed':
        this.ledger.writeSpec(event.id, undefined, this.#now.wallMs)
        return undefined
      case 'worker-started':
        return this.supervisor.onStarted(event.slot, event.incarnation, nowMs)
      case 'worker-exited':
        return this.supervisor.onExited(event.slot, event.incarnation, event.exit, nowMs)
      case 'time-passed':
        return this.#onTime()
      case 'leave-asked':
        this.#membership.declareSelf('leaving')
        for (const row of this.ledger.tables.specs.rows()) this.ledger.touch(row.id)
        return undefined
      default:
        return unreachable(event)
    }
  }

  #isLeaving(): boolean {
    return this.self.status === 'leaving' || this.self.status === 'left'
  }

  #onTime(): void {
    const nowMs = this.#now.ms
    if (this.self.status === 'joining' && nowMs >= this.#joinByMs()) this.#membership.declareSelf('alive')
    this.#membership.tick(nowMs)
    this.#antiEntropy.tick(this.#membership.connected(), nowMs)
    this.supervisor.tick(nowMs)
    this.#claims.tick(nowMs)
    this.#generations.tick(nowMs)
  }

  /** A node that finds nobody is the first one; a node that finds a mesh waits until it knows what the mesh knows. */
  #joinByMs(): number {
    const { joinAloneMs, joinSyncMs } = this.#timings
    return this.#startedMs + (this.#membership.connected().length === 0 ? joinAloneMs : joinSyncMs)
  }

  #onPeerUp(peer: NodeId): void {
    this.#membership.onPeerUp(peer, this.#now.ms)
    const { id, boot } = this.self
    const [first = NO_ROWS, ...others] = inFrames({
      ...NO_ROWS,
      members: [...this.ledger.tables.members.rows()],
    })
    this.#send(peer, { kind: 'hello', protocol: PROTOCOL, run: { id, boot }, rows: first })
    for (const rows of others) this.#send(peer, { kind: 'rows', rows })
    this.#antiEntropy.greet(peer)
  }

  #onMessage(from: NodeId, message: Message): void {
    if (message.kind === 'hello') return this.#onHello(from, message)
    if (!this.#greeted.has(from)) return this.#hangUp(from, 'it did not say hello first')
    switch (message.kind) {
      case 'probe':
        return this.#send(from, { kind: 'probe-ack', n: message.n })
      case 'probe-ack':
        return undefined
      case 'rows':
        this.#merge(message.rows)
        // Still joining: ask again until the peer says that nothing is missing.
        return this.self.status === 'joining' ? this.#antiEntropy.greet(from) : undefined
      case 'digest':
        return this.#antiEntropy.onDigest(from, message.roots)
      case 'agree':
        return this.self.status === 'joining' ? this.#membership.declareSelf('alive') : undefined
      case 'buckets':
        return this.#antiEntropy.onBuckets(from, message.table, message.digests)
      case 'want':
        return this.#antiEntropy.onWant(from, message.table, message.buckets)
      default:
        return unreachable(message)
    }
  }

  #onHello(from: NodeId, hello: Message & { kind: 'hello' }): void {
    if (hello.run.id !== from) return this.#hangUp(from, `it says that it is ${hello.run.id}`)
    if (!speakTogether(hello.protocol, PROTOCOL)) {
      const { min, max } = hello.protocol
      return this.#hangUp(
        from,
        `it speaks versions ${min} to ${max} of the protocol, this node ${PROTOCOL.max}`,
      )
    }
    this.#greeted.add(from)
    return this.#merge(hello.rows)
  }

  #merge(rows: Rows): void {
    const { ms, wallMs } = this.#now
    for (const row of rows.members) this.#membership.merge(row, ms)
    for (const row of rows.specs) this.ledger.mergeSpec(row, wallMs)
    for (const claim of rows.claims) this.ledger.mergeClaim(claim)
    for (const phase of rows.phases) this.ledger.mergePhase(phase, wallMs)
    this.#membership.tick(ms)
  }

  #onMembership(effect: MembershipEffect): void {
    if (effect.kind !== 'member-changed') {
      this.#effects.push(effect)
      return
    }
    const { row, before, authored } = effect
    // Passed on by everybody who hears of it first: whoever is told of a spec by this node later has been told before
    // of every member that this node knows, and places it alike. In a large mesh that would be too many messages.
    const isNews = authored || this.#membership.connected().length <= PASSED_ON_MAX
    this.ledger.onMemberChanged(row, isNews)
    const wasPresent = before !== undefined && before.boot === row.boot && isPresent(before)
    const event = memberEvent(row, wasPresent)
    if (event !== undefined) this.#effects.push({ kind: 'notify', event })
  }

  #onReport(report: Report): void {
    const { spec, slot } = report.assignment
    const body = this.ledger.tables.specs.get(spec)?.body
    if (body?.kind === 'worker') this.#claims.onReport(report, body, this.#now)
    else if (body !== undefined) this.#generations.onReport(report, body, this.#now)
    this.ledger.touch(spec)
    const event =
      report.kind === 'started'
        ? ({ kind: 'worker:start', slot } as const)
        : ({ kind: 'worker:exit', slot, exit: report.exit } as const)
    this.#effects.push({ kind: 'notify', event })
  }

  /** Looks at every spec of which something has changed, until nothing changes any more. */
  #evaluate(): void {
    for (let changed = this.ledger.takeChanged(); changed.length > 0; changed = this.ledger.takeChanged()) {
      for (const id of changed) {
        const row = this.ledger.tables.specs.get(id)
        if (row === undefined) continue
        this.#setStatus(id, this.#isLeaving() ? this.#stopAll(id) : this.#evaluateSpec(row))
        this.#follow(row)
      }
    }
  }

  #evaluateSpec(row: SpecRow): SpecStatus {
    const { id, body } = row
    if (body?.kind === 'worker') return this.#claims.evaluate(row, body, this.#now)
    if (body !== undefined) {
      this.#claims.letGo(id)
      return this.#generations.evaluate(row, body, this.#now)
    }
    this.supervisor.assign(id, [], this.#now.ms)
    const isClaimFree = this.#claims.letGo(id)
    return this.#generations.letGo(id) && isClaimFree ? { kind: 'removed' } : { kind: 'stopping' }
  }

  #stopAll(id: SpecId): SpecStatus {
    this.supervisor.assign(id, [], this.#now.ms)
    return this.#statuses.get(id) ?? { kind: 'starting' }
  }

  #setStatus(id: SpecId, status: SpecStatus): void {
    const before = this.#statuses.get(id)
    this.#statuses.set(id, status)
    if (before?.kind === status.kind) return
    this.#effects.push({ kind: 'set-status', id, status })
    this.#effects.push({ kind: 'notify', event: { kind: 'spec:status', id, status } })
  }

  #follow(row: SpecRow): void {
    const followed = this.#followed.get(row.id) ?? { row: undefined, claim: undefined, phase: undefined }
    this.#followed.set(row.id, followed)
    if (followed.row !== row) {
      followed.row = row
      this.#effects.push({ kind: 'follow-spec', id: row.id, body: row.body })
    }
    const claim = this.ledger.tables.claims.get(row.id)
    if (claim !== undefined && followed.claim !== claim) {
      followed.claim = claim
      this.#effects.push({ kind: 'follow-claim', claim })
    }
    const phase = this.ledger.tables.phases.get(row.id)
    if (phase !== undefined && followed.phase !== phase) {
      const event = phaseEvent(phase, followed.phase)
      followed.phase = phase
      this.#effects.push({ kind: 'follow-phase', phase })
      if (event !== undefined) this.#effects.push({ kind: 'notify', event })
    }
  }

  /** Tells the others what this node has written: everybody directly, and failures by gossip too. */
  #spread(): void {
    const news = this.ledger.takeNews()
    if (isEmpty(news)) return
    for (const rows of inFrames(news)) {
      for (const peer of this.#membership.connected()) this.#send(peer, { kind: 'rows', rows })
    }
    const failed = news.phases.filter(phase => phase.rank === 'failed')
    for (const rows of inFrames({ ...NO_ROWS, phases: failed }))
      this.#effects.push({ kind: 'publish-hint', rows })
  }

  #send(to: NodeId, message: Message): void {
    this.#effects.push({ kind: 'send', to, message })
  }

  #hangUp(peer: NodeId, reason: string): void {
    this.#effects.push({ kind: 'hang-up', peer, reason })
  }
}

/** The rows of a spec as the data plane was told of them last. */
interface Followed {
  row: SpecRow | undefined
  claim: object | undefined
  phase: Phase | undefined
}

function memberEvent(row: MemberRow, wasPresent: boolean) {
  switch (row.status) {
    case 'alive':
      return wasPresent ? undefined : ({ kind: 'member:join', member: row } as const)
    case 'suspect':
      return { kind: 'member:suspect', member: row } as const
    case 'dead':
      return { kind: 'member:dead', member: row } as const
    case 'left':
      return { kind: 'member:leave', member: row } as const
    case 'joining':
    case 'leaving':
      return undefined
    default:
      return unreachable(row.status)
  }
}

function phaseEvent(phase: Phase, before: Phase | undefined) {
  const { spec: id, rank } = phase
  const { number, tag } = phase.generation
  const isSame = before?.generation.number === number && before.generation.tag === tag
  if (isSame && before.rank === rank) return undefined
  if (rank === 'running') return { kind: 'generation:run', id, generation: number } as const
  if (rank === 'failed') {
    return { kind: 'generation:fail', id, generation: number, failure: phase.cause?.failure } as const
  }
  return undefined
}
