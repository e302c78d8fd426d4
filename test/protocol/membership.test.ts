import { beforeEach, describe, expect, test } from 'vitest'

import { type NodeId, nodeId } from '../../src/ids.ts'
import { Prng } from '../../src/prng.ts'
import type { MemberRow } from '../../src/protocol/member-row.ts'
import { Membership, type MembershipEffect } from '../../src/protocol/membership.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'

const [a, b, c] = ['a', 'b', 'c'].map(nodeId)
if (a === undefined || b === undefined || c === undefined) throw new Error('three nodes')
const { probePeriodMs, probeTimeoutMs, suspicionMs, suspicionFastMs } = LAN_TIMINGS

let effects: MembershipEffect[]
let nowMs: number
let membership: Membership

function row(id: NodeId, more: Partial<MemberRow> = {}): MemberRow {
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

/** Lets time pass in the steps that membership asks for; everybody in `answering` answers at once. */
function pass(durationMs: number, answering: readonly NodeId[] = []): void {
  const untilMs = nowMs + durationMs
  while (membership.wakeAtMs() <= untilMs) {
    nowMs = Math.max(nowMs, membership.wakeAtMs())
    const from = effects.length
    membership.tick(nowMs)
    for (const effect of effects.slice(from)) {
      if (effect.kind === 'send' && effect.message.kind === 'probe' && answering.includes(effect.to)) {
        membership.onHeard(effect.to, nowMs)
      }
    }
  }
  nowMs = untilMs
}

const statusOf = (id: NodeId): string | undefined => membership.table.get(id)?.status
const dialled = (): string[] => effects.flatMap(effect => (effect.kind === 'dial' ? [effect.key] : []))

beforeEach(() => {
  effects = []
  nowMs = 0
  membership = new Membership({
    self: row(a),
    timings: LAN_TIMINGS,
    prng: new Prng(1),
    nowMs,
    emit: effect => effects.push(effect),
  })
})

function meet(id: NodeId): void {
  membership.merge(row(id), nowMs)
  membership.onPeerUp(id, nowMs)
}

describe('a member', () => {
  test('that answers stays alive', () => {
    meet(b)
    pass(60_000, [b])
    expect(statusOf(b)).toBe('alive')
  })

  test('that falls silent with its session open is suspect, then dead', () => {
    meet(b)
    pass(2 * probePeriodMs + probeTimeoutMs)
    expect(statusOf(b)).toBe('suspect')
    pass(suspicionMs)
    expect(statusOf(b)).toBe('dead')
  })

  test('whose process is gone is dead as soon as its port has refused', () => {
    meet(b)
    pass(1_000, [b])
    membership.onPeerDown(b, nowMs)
    pass(50)
    membership.onDialFailed(b, 'refused', 'nobody listens there', nowMs)
    expect(statusOf(b)).toBe('suspect')
    pass(suspicionFastMs)
    expect(statusOf(b)).toBe('dead')
  })

  test('whose port refuses without a session having closed is not dead for that', () => {
    membership.merge(row(b), nowMs)
    membership.onDialFailed(b, 'refused', 'nobody listens there', nowMs)
    pass(suspicionFastMs + 50)
    expect(statusOf(b)).toBe('alive')
  })

  test('that is suspect and refutes is alive, and stays it', () => {
    meet(b)
    pass(2 * probePeriodMs + probeTimeoutMs)
    membership.onHeard(b, nowMs)
    membership.merge(row(b, { seq: 2 }), nowMs)
    expect(statusOf(b)).toBe('alive')
    pass(suspicionMs * 2, [b])
    expect(statusOf(b)).toBe('alive')
  })

  test('that is suspect and speaks to us is warned again, not buried', () => {
    meet(b)
    pass(2 * probePeriodMs + probeTimeoutMs)
    effects = []
    pass(2 * suspicionMs, [b])
    expect(statusOf(b)).toBe('suspect')
    const warnings = effects.filter(effect => effect.kind === 'send' && effect.message.kind === 'rows')
    expect(warnings.length).toBeGreaterThan(0)
  })

  test('that is called dead by others while it speaks to us is told, not buried', () => {
    meet(b)
    pass(1_000, [b])
    effects = []
    membership.merge(row(b, { status: 'dead' }), nowMs)
    expect(statusOf(b)).toBe('alive')
    expect(effects).toContainEqual(
      expect.objectContaining({ kind: 'send', to: b, message: expect.objectContaining({ kind: 'rows' }) }),
    )
  })

  test('that has left is not dialled any more; a dead one is, for ever', () => {
    membership.merge(row(b, { status: 'left' }), nowMs)
    membership.merge(row(c, { status: 'dead' }), nowMs)
    pass(1_000)
    expect(dialled()).not.toContain(b)
    for (let hour = 0; hour < 3; hour++) {
      effects = []
      for (let times = 0; times < 5; times++) {
        membership.onDialFailed(c, 'refused', '', nowMs)
        pass(10_000)
      }
      expect(dialled()).toContain(c)
      pass(3_600_000)
    }
  })
})

describe('the node itself', () => {
  test('refutes what is said of it, with a larger sequence number', () => {
    membership.merge(row(a, { seq: 4, status: 'dead' }), nowMs)
    expect(membership.self).toMatchObject({ seq: 5, status: 'alive' })
    expect(effects.at(-1)).toMatchObject({ kind: 'member-changed', authored: true })
  })

  test('learns that a newer run has taken its place', () => {
    membership.merge(row(a, { boot: 2 }), nowMs)
    expect(effects).toEqual([{ kind: 'replaced', by: { id: a, boot: 2 } }])
  })

  test('that has slept judges nobody by what they did not answer meanwhile', () => {
    meet(b)
    pass(probePeriodMs + 10)
    // It has sent a probe, and then nothing ran for a minute; the answer waits in the socket.
    nowMs += 60_000
    membership.tick(nowMs)
    expect(statusOf(b)).toBe('alive')
    membership.onHeard(b, nowMs)
    pass(5_000, [b])
    expect(statusOf(b)).toBe('alive')
  })
})
