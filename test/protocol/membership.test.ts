import { REFUTE_EVERY_MS } from '../../src/protocol/refutation.ts'
import { beforeEach, describe, expect, test } from 'vitest'

import { type NodeId, nodeId } from '../../src/ids.ts'
import { LAN_TIMINGS, suspicionRangeMs } from '../../src/protocol/timings.ts'
import { Bench, REFUSED, WALL_MS, a, b, c, d, e, row } from './bench.ts'

const { probePeriodMs, probeTimeoutMs, suspicionFastMs } = LAN_TIMINGS
/** In a mesh too small for confirmations. */
const [suspicionMs] = suspicionRangeMs(LAN_TIMINGS, 3)

let bench: Bench

beforeEach(() => {
  bench = new Bench()
})

describe('a member', () => {
  test('that answers stays alive, and each is probed', () => {
    bench.meet(b, c, d)
    bench.pass(60_000, [b, c, d])
    for (const id of [b, c, d]) {
      expect(bench.statusOf(id)).toBe('alive')
      expect(bench.sent('probe').filter(({ to }) => to === id).length).toBeGreaterThan(70)
    }
    expect(bench.membership.health.score).toBe(0)
  })

  test('that falls silent with its session open is suspect, then dead', () => {
    bench.meet(b)
    expect(bench.passUntil(() => bench.statusOf(b) === 'suspect')).toBeLessThanOrEqual(2 * probePeriodMs)
    expect(bench.passUntil(() => bench.statusOf(b) === 'dead')).toBeCloseTo(suspicionMs, -2)
  })

  test('that answers somebody else is alive, whatever this node hears', () => {
    bench.meet(b, c)
    for (let times = 0; times < 60; times++) {
      bench.pass(100, [c])
      for (const { message } of bench.sent('probe-request')) {
        bench.tell(c, { ...message, kind: 'probe-report', isHeard: true })
      }
      bench.effects = []
    }
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('whose session brings nothing for long, though others hear it, is dialled anew', () => {
    bench.meet(b, c)
    const renewed = (): boolean => bench.effects.some(effect => effect.kind === 'renew' && effect.peer === b)
    for (let times = 0; times < 40 && !renewed(); times++) {
      bench.pass(100, [c])
      bench.tell(c, { kind: 'probe-report', n: 1, target: b, isHeard: true })
    }
    expect(renewed()).toBe(true)
    expect(bench.nowMs).toBeGreaterThan(4 * probePeriodMs)
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('of a large mesh is probed seldom, and keeps its session', () => {
    const ids = Array.from({ length: 30 }, (_, index) => nodeId(`n${index}`))
    bench.meet(...ids)
    bench.pass(120_000, ids)
    expect(bench.effects.filter(({ kind }) => kind === 'renew')).toEqual([])
  })

  test('of a large mesh whose session is stuck is dialled anew as soon, not after some rounds', () => {
    const ids = Array.from({ length: 30 }, (_, index) => nodeId(`n${index}`))
    bench.meet(b, ...ids)
    const requests = (): readonly { readonly to: NodeId }[] =>
      bench.sent('probe-request').filter(({ message }) => message.target === b)
    bench.passUntil(() => requests().length > 0, ids)
    const startMs = bench.nowMs
    const renewed = (): boolean => bench.effects.some(effect => effect.kind === 'renew' && effect.peer === b)
    while (!renewed() && bench.nowMs < startMs + 60_000) {
      const [request] = requests()
      if (request !== undefined)
        bench.tell(request.to, { kind: 'probe-report', n: 1, target: b, isHeard: true })
      bench.pass(50, ids)
    }
    expect(bench.nowMs - startMs).toBeLessThan(6 * probePeriodMs)
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('that this node has just heard a probe of is not probed in its turn', () => {
    bench.meet(b, c)
    const probes = (): number => bench.sent('probe').filter(({ to }) => to === b).length
    for (let times = 0; times < 100; times++) {
      bench.pass(100, [b, c])
      const stat = { health: 0, unreachable: [] }
      bench.tell(b, { kind: 'probe', n: times, stat, news: { members: [], accusations: [] } })
    }
    expect(probes()).toBe(0)
    bench.pass(10_000, [b, c])
    expect(probes()).toBeGreaterThan(15)
  })

  test('that is dead has no session any more: the next one can be dialled', () => {
    bench.meet(b)
    bench.passUntil(() => bench.statusOf(b) === 'dead')
    expect(bench.effects.at(-1)).toEqual({ kind: 'renew', peer: b })
  })

  test('that this node has no session with is probed by way of others, and lives if they reach it', () => {
    bench.membership.merge(row(b), bench.now)
    bench.meet(c, d)
    bench.membership.onPeerUp(b, bench.now)
    bench.membership.onPeerDown(b, bench.now)
    bench.pass(probePeriodMs / 2 + 250, [c, d])
    const requests = bench.sent('probe-request').filter(({ message }) => message.target === b)
    expect(requests.map(({ to }) => to).toSorted()).toEqual([c, d])
    bench.tell(d, { kind: 'probe-report', n: 1, target: b, isHeard: true })
    bench.pass(probePeriodMs, [c, d])
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('whose helpers all say that they hear nothing either is suspect before the period is over', () => {
    bench.meet(b, c)
    bench.passUntil(() => bench.sent('probe-request').some(({ message }) => message.target === b), [c])
    bench.tell(c, { kind: 'probe-report', n: 1, target: b, isHeard: false })
    bench.pass(probeTimeoutMs / 20)
    expect(bench.statusOf(b)).toBe('suspect')
    expect(bench.membership.health.score).toBe(0)
  })

  test('whose process is gone is dead as soon as its port has REFUSED, in a mesh of two', () => {
    bench.meet(b)
    bench.pass(1_000, [b])
    bench.membership.onPeerDown(b, bench.now)
    bench.pass(50)
    bench.membership.onDialFailed(b, REFUSED, bench.now)
    expect(bench.statusOf(b)).toBe('suspect')
    bench.pass(suspicionFastMs)
    expect(bench.statusOf(b)).toBe('dead')
  })

  test('that one node finds gone is dead at once only if a second one does', () => {
    bench.meet(b, c)
    bench.pass(1_000, [b, c])
    bench.membership.onPeerDown(b, bench.now)
    bench.membership.onDialFailed(b, REFUSED, bench.now)
    bench.pass(suspicionFastMs + 50, [c])
    expect(bench.statusOf(b)).toBe('suspect')
    bench.accuse(b, c, 'refused')
    bench.pass(suspicionFastMs + 20, [c])
    expect(bench.statusOf(b)).toBe('dead')
  })

  test('whose port refuses without a session having closed is not dead for that', () => {
    bench.membership.merge(row(b), bench.now)
    bench.membership.onDialFailed(b, REFUSED, bench.now)
    bench.pass(suspicionFastMs + 50)
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('that is suspect and refutes is alive, and stays it', () => {
    bench.meet(b)
    bench.passUntil(() => bench.statusOf(b) === 'suspect')
    bench.membership.onHeard(b, bench.nowMs + 1)
    bench.membership.merge(row(b, { seq: 2 }), bench.now)
    expect(bench.statusOf(b)).toBe('alive')
    bench.pass(suspicionMs * 2, [b])
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('that is suspect and speaks to us is warned again, not buried', () => {
    bench.meet(b)
    bench.passUntil(() => bench.statusOf(b) === 'suspect')
    bench.effects = []
    bench.pass(2 * suspicionMs, [b])
    expect(bench.statusOf(b)).toBe('suspect')
    expect(bench.sent('rows').length).toBeGreaterThan(0)
  })

  test('that was dead comes back with a larger sequence number only', () => {
    bench.membership.merge(row(b, { seq: 10, status: 'dead', endedMs: WALL_MS }), bench.now)
    bench.membership.merge(row(b, { seq: 2 }), bench.now)
    expect(bench.statusOf(b)).toBe('dead')
    bench.membership.merge(row(b, { seq: 11 }), bench.now)
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('that has left is not dialled any more; a dead one is', () => {
    bench.membership.merge(row(b, { status: 'left', endedMs: WALL_MS }), bench.now)
    bench.membership.merge(row(c, { status: 'dead', endedMs: WALL_MS }), bench.now)
    bench.pass(1_000)
    expect(bench.dialled()).not.toContain(b)
    for (let hour = 0; hour < 3; hour++) {
      bench.effects = []
      for (let times = 0; times < 5; times++) {
        bench.membership.onDialFailed(c, REFUSED, bench.now)
        bench.pass(10_000)
      }
      expect(bench.dialled()).toContain(c)
      bench.pass(3_600_000)
    }
  })

  test('that dies before it has joined is dead all the same', () => {
    bench.meet(b)
    bench.membership.merge(row(c, { status: 'joining' }), bench.now)
    bench.membership.onPeerUp(c, bench.now)
    bench.passUntil(() => bench.statusOf(c) === 'dead', [b])
    expect(bench.statusOf(b)).toBe('alive')
  })
})

describe('the node itself', () => {
  test('refutes what is said of it, with a larger sequence number', () => {
    bench.membership.merge(row(a, { seq: 4, status: 'dead' }), bench.now)
    expect(bench.membership.self).toMatchObject({ seq: 5, status: 'alive' })
    expect(bench.effects.at(-1)).toMatchObject({ kind: 'member-changed', authored: true })
    bench.accuse(a, b)
    expect(bench.membership.self).toMatchObject({ seq: 5 })
    expect(bench.membership.health.score).toBe(1)
  })

  test('refutes at once, and what comes after that once in a while: the last of it without anything else happening', () => {
    bench.meet(b)
    const accused = (seq: number) => row(a, { seq, status: 'suspect' })
    const said = () => bench.effects.filter(({ kind }) => kind === 'member-changed').length
    bench.effects = []
    for (let n = 0; n < 1_000; n++) {
      bench.membership.merge(accused(10 + 2 * n), bench.now)
      bench.accuse(a, b)
      if (n % 100 === 0) bench.pass(n === 0 ? 0 : 1, [b])
    }
    expect(said()).toBe(1)
    expect(bench.membership.self).toMatchObject({ seq: 11, status: 'alive' })
    expect(bench.membership.wakeAtMs()).toBe(REFUTE_EVERY_MS)
    bench.pass(1, [b])
    expect(said()).toBe(2)
    expect(bench.membership.self).toMatchObject({ seq: 2009, status: 'alive' })
    bench.pass(1_000, [b])
    expect(said()).toBe(2)
  })

  test('learns that a newer run has taken its place', () => {
    bench.membership.merge(row(a, { boot: 2 }), bench.now)
    expect(bench.effects).toEqual([{ kind: 'replaced', by: { id: a, boot: 2 } }])
  })

  test('learns from a twin that it has met whether it was started later', () => {
    bench.membership.merge({ ...bench.membership.self, boot: 0 }, bench.now)
    bench.membership.merge(bench.membership.self, bench.now)
    expect(bench.effects).toEqual([])
    bench.membership.merge({ ...bench.membership.self, boot: 2 }, bench.now)
    expect(bench.effects).toEqual([{ kind: 'replaced', by: { id: a, boot: 2 } }])
  })

  test('learns that another process of the same moment speaks in its name', () => {
    bench.membership.merge(row(a, { seq: 2, name: 'somebody else' }), bench.now)
    expect(bench.effects).toEqual([{ kind: 'replaced', by: { id: a, boot: 1 } }])
  })

  test('takes a larger boot than an earlier run of it had, while it joins', () => {
    bench = new Bench({ self: { status: 'joining' } })
    bench.membership.merge(row(a, { boot: 7, status: 'dead' }), bench.now)
    expect(bench.membership.self).toMatchObject({ boot: 8, status: 'joining' })
    expect(bench.effects.map(effect => effect.kind)).toEqual(['member-changed'])
  })

  test('that has slept judges nobody by what they did not answer meanwhile', () => {
    bench.meet(b)
    bench.pass(probePeriodMs + 10)
    // It has sent a probe, and then nothing ran for a minute; the answer waits in the socket.
    bench.nowMs += 60_000
    bench.membership.tick(bench.now)
    expect(bench.statusOf(b)).toBe('alive')
    bench.membership.onHeard(b, bench.nowMs + 1)
    bench.pass(5_000, [b])
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('that was late by more than half a time-out does not count the probe that was under way', () => {
    bench.meet(b)
    bench.pass(250)
    expect(bench.sent('probe')).toHaveLength(1)
    bench.nowMs = 250 + probePeriodMs + probeTimeoutMs / 2
    bench.membership.tick(bench.now)
    expect(bench.statusOf(b)).toBe('alive')
    expect(bench.membership.health.score).toBe(1)
  })

  test('that nothing has run on for two periods accuses nobody for a round, whatever it finds', () => {
    bench.meet(b, c)
    bench.pass(probePeriodMs, [b, c])
    bench.nowMs = bench.membership.wakeAtMs() + 2 * probePeriodMs
    bench.membership.tick(bench.now)
    bench.membership.onPeerDown(b, bench.now)
    bench.membership.onDialFailed(b, REFUSED, bench.now)
    expect(bench.statusOf(b)).toBe('alive')
    bench.passUntil(() => bench.statusOf(b) === 'suspect', [c])
  })

  test('that was late gives others twice the time to answer, until it is well again', () => {
    const patienceMs = (): number => {
      bench.passUntil(() => bench.sent('probe').length > 0)
      return bench.passUntil(() => bench.statusOf(b) === 'suspect')
    }
    bench.meet(b)
    expect(patienceMs()).toBeCloseTo(probePeriodMs, -2)
    bench = new Bench()
    bench.meet(b)
    bench.nowMs = bench.membership.wakeAtMs() + probeTimeoutMs
    bench.membership.tick(bench.now)
    expect(bench.membership.health.score).toBe(1)
    expect(patienceMs()).toBeGreaterThan(1.9 * probePeriodMs)
    bench = new Bench()
    bench.meet(b)
    bench.nowMs = bench.membership.wakeAtMs() + probeTimeoutMs
    bench.membership.tick(bench.now)
    bench.answer(b, 1)
    bench.pass(5_000, [b])
    expect(bench.membership.health.score).toBe(0)
    bench.effects = []
    expect(patienceMs()).toBeCloseTo(probePeriodMs, -2)
  })

  test('whose machine has slept, by its wall clock, accuses nobody for a round', () => {
    bench.meet(b, c)
    bench.pass(probePeriodMs, [b, c])
    bench.leapMs += 3_600_000
    bench.membership.onPeerDown(b, bench.now)
    bench.membership.onDialFailed(b, REFUSED, bench.now)
    expect(bench.statusOf(b)).toBe('alive')
    bench.passUntil(() => bench.statusOf(b) === 'suspect', [c])
  })

  test('that may have stood still hears what has come before it judges, though no timer of it was late', () => {
    bench.meet(b)
    const step = (): void => {
      bench.nowMs = bench.membership.wakeAtMs()
      bench.membership.tick(bench.now)
    }
    while (bench.sent('probe').length === 0) step()
    const sentMs = bench.nowMs
    // Stopped just after the next turn, going on just when the probe has failed: the answer waits in the socket.
    bench.pass(probePeriodMs / 2)
    expect(bench.membership.wakeAtMs()).toBe(sentMs + probePeriodMs)
    bench.nowMs = sentMs + probePeriodMs
    bench.membership.tick(bench.now)
    expect(bench.statusOf(b)).toBe('alive')
    bench.answer(b, 1)
    bench.pass(probePeriodMs, [b])
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('is worse for each probe to which nobody answers although somebody is heard', () => {
    bench.meet(b, c, d, e)
    // Only `e` is heard of, and it neither answers nor says that it hears nothing.
    let raisedBy = 0
    for (let times = 0; times < 200 && raisedBy < 2; times++) {
      bench.pass(50)
      bench.membership.onHeard(e, bench.nowMs)
      raisedBy = bench.membership.health.score
    }
    expect(raisedBy).toBe(2)
  })

  test('that hears nobody at all does not take itself for ill, and concludes what it must', () => {
    bench.meet(b, c, d, e)
    bench.passUntil(() => [b, c, d, e].every(id => bench.statusOf(id) === 'dead'))
    expect(bench.membership.health.score).toBe(0)
  })

  test('that is very late accuses nobody any more, and says so once', () => {
    bench.meet(b, c)
    for (let times = 0; times < 12; times++) {
      bench.nowMs = bench.membership.wakeAtMs() + probeTimeoutMs
      bench.membership.tick(bench.now)
    }
    expect(bench.membership.health.score).toBe(8)
    expect(bench.effects.filter(effect => effect.kind === 'degraded')).toHaveLength(1)
    bench.pass(2_000)
    expect([bench.statusOf(b), bench.statusOf(c)]).toEqual(['alive', 'alive'])
  })

  test('answers for a member that it is asked to probe', () => {
    bench.meet(b, c)
    bench.tell(c, { kind: 'probe-request', n: 9, target: b })
    expect(bench.sent('probe').map(({ to }) => to)).toEqual([b])
    bench.answer(b, 1)
    expect(bench.sent('probe-report')).toEqual([
      { to: c, message: { kind: 'probe-report', n: 9, target: b, isHeard: true } },
    ])
  })

  test('says no for a member that does not answer it, or that it does not reach', () => {
    bench.meet(b, c)
    bench.tell(c, { kind: 'probe-request', n: 9, target: d })
    expect(bench.sent('probe-report').at(-1)?.message).toMatchObject({ target: d, isHeard: false })
    bench.tell(c, { kind: 'probe-request', n: 10, target: b })
    bench.pass(probeTimeoutMs, [c])
    expect(bench.sent('probe-report').at(-1)?.message).toMatchObject({ n: 10, target: b, isHeard: false })
  })
})
