/** One membership without a mesh: a test says what it hears, and looks at what it wants done. */

import { type NodeId, type Run, nodeId } from '../../src/ids.ts'
import { Prng } from '../../src/prng.ts'
import { PUSHED_MAX } from '../../src/protocol/limits.ts'
import type { MemberRow } from '../../src/protocol/member-row.ts'
import type { MembershipEffect, Moment } from '../../src/protocol/membership-effect.ts'
import { Membership } from '../../src/protocol/membership.ts'
import type { Message } from '../../src/protocol/messages.ts'
import type { Evidence } from '../../src/protocol/suspicions.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'

export const [a, b, c, d, e] = [nodeId('a'), nodeId('b'), nodeId('c'), nodeId('d'), nodeId('e')]
export const WALL_MS = Date.UTC(2026, 0, 1)
export const REFUSED = { failure: 'refused', reason: 'nobody listens there' } as const

/** The row of a node that is alive, in its first state, but for `more`. */
export function row(id: NodeId, more: Partial<MemberRow> = {}): MemberRow {
  return {
    id,
    boot: 1,
    seq: 1,
    status: 'alive',
    name: id,
    addresses: [`/sim/${id}`],
    role: 'member',
    weight: 1,
    labels: {},
    behaviours: [],
    protocol: { min: 1, max: 1 },
    ...more,
  }
}

/** Node `a`, and what it was told. */
export class Bench {
  readonly membership: Membership
  effects: MembershipEffect[] = []
  nowMs = 0
  /** By how much the wall clock has gained on the other one. */
  leapMs = 0
  /** How unwell others say they are, where they do. */
  readonly healthOf = new Map<NodeId, number>()
  /** Whom others say that they have no session with, where there are such. */
  readonly apartOf = new Map<NodeId, readonly NodeId[]>()

  constructor(
    init: {
      readonly self?: Partial<MemberRow>
      readonly isNamed?: (run: Run) => boolean
      readonly pushedMax?: number
    } = {},
  ) {
    this.membership = new Membership({
      self: row(a, init.self),
      timings: LAN_TIMINGS,
      pushedMax: init.pushedMax ?? PUSHED_MAX,
      prng: new Prng(1),
      now: this.now,
      isNamed: run => init.isNamed?.(run) ?? false,
      emit: effect => this.effects.push(effect),
    })
  }

  get now(): Moment {
    return { ms: this.nowMs, wallMs: WALL_MS + this.nowMs + this.leapMs }
  }

  /** Lets time pass in the steps that membership asks for; everybody in `answering` answers at once. */
  pass(durationMs: number, answering: readonly NodeId[] = []): void {
    const untilMs = this.nowMs + durationMs
    while (this.membership.wakeAtMs() <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.membership.wakeAtMs())
      const from = this.effects.length
      this.membership.tick(this.now)
      for (const effect of this.effects.slice(from)) {
        if (effect.kind === 'send' && effect.message.kind === 'probe' && answering.includes(effect.to)) {
          this.answer(effect.to, effect.message.n)
        }
      }
    }
    this.nowMs = untilMs
  }

  /** Lets time pass until something is so. @returns how long that took @throws after a minute */
  passUntil(isSo: () => boolean, answering: readonly NodeId[] = []): number {
    const startMs = this.nowMs
    while (!isSo()) {
      if (this.nowMs - startMs > 60_000) throw new Error('not within a minute')
      this.pass(10, answering)
    }
    return this.nowMs - startMs
  }

  /** These nodes are members, and there is a session with each. */
  meet(...ids: readonly NodeId[]): void {
    for (const id of ids) {
      this.membership.merge(row(id), this.now)
      this.membership.onPeerUp(id, this.now)
    }
  }

  /** An answer to a probe comes in, a moment after it was sent. */
  answer(from: NodeId, n: number): void {
    const stat = { health: this.healthOf.get(from) ?? 0, unreachable: this.apartOf.get(from) ?? [] }
    this.membership.onHeard(from, this.nowMs + 0.1)
    this.tell(from, { kind: 'probe-ack', n, stat, news: { members: [], accusations: [] } })
  }

  tell(from: NodeId, message: Parameters<Membership['onMessage']>[1]): void {
    this.membership.onMessage(from, message, this.now)
  }

  /** `by` says that `of`, in its first state, does not answer. */
  accuse(of: NodeId, by: NodeId, evidence: Evidence = 'silent'): void {
    const accusation = { run: { id: of, boot: 1 }, seq: 1, by, evidence }
    this.tell(by, { kind: 'accusations', accusations: [accusation] })
  }

  statusOf(id: NodeId): string | undefined {
    return this.membership.table.get(id)?.status
  }

  dialled(): string[] {
    return this.effects.flatMap(effect => (effect.kind === 'dial' ? [effect.key] : []))
  }

  /** The messages of one kind that were sent. */
  sent<K extends Message['kind']>(
    kind: K,
  ): { readonly to: NodeId; readonly message: Message & { kind: K } }[] {
    return this.effects.flatMap(effect =>
      effect.kind === 'send' && isKind(effect.message, kind)
        ? [{ to: effect.to, message: effect.message }]
        : [],
    )
  }
}

function isKind<K extends Message['kind']>(message: Message, kind: K): message is Message & { kind: K } {
  return message.kind === kind
}
