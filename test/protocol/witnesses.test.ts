import { beforeEach, describe, expect, test } from 'vitest'

import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { Bench, REFUSED, b, c, d, e, row } from './bench.ts'

const { probePeriodMs, probeTimeoutMs, suspicionFastMs } = LAN_TIMINGS

let bench: Bench

beforeEach(() => {
  bench = new Bench()
})

describe('a member', () => {
  test.each([
    ['are found gone as well', [b, c, d, e], REFUSED],
    ['have never been met', [b], undefined],
    [
      'have not been reached for long',
      [b, c, d, e],
      { failure: 'unreachable', reason: 'no answer' } as const,
    ],
  ])('that one node finds gone is dead by that alone where all others %s', (_why, met, problem) => {
    for (const id of [c, d, e]) bench.membership.merge(row(id), bench.now)
    bench.meet(...met)
    bench.pass(1_000, met)
    for (const id of met) bench.membership.onPeerDown(id, bench.now)
    if (problem?.failure !== 'refused') bench.pass(probePeriodMs + 250)
    bench.membership.onDialFailed(b, REFUSED, bench.now)
    for (const id of met.slice(1))
      if (problem !== undefined) bench.membership.onDialFailed(id, problem, bench.now)
    bench.pass(suspicionFastMs + 20)
    expect(bench.statusOf(b)).toBe('dead')
    expect(bench.statusOf(c)).toBe(problem?.failure === 'refused' ? 'dead' : 'alive')
  })

  test('of whom somebody has said no to an earlier question is not suspect before that one has answered the next', () => {
    bench.meet(b, c)
    const ask = (): number => {
      bench.effects = []
      const asked = () => bench.sent('probe-request').find(({ message }) => message.target === b)
      bench.passUntil(() => asked() !== undefined, [c])
      return asked()?.message.n ?? 0
    }
    const earlier = ask()
    // It stands still for a moment; the answer to what it has asked before waits in the socket.
    bench.nowMs = bench.membership.wakeAtMs() + probeTimeoutMs
    bench.membership.tick(bench.now)
    const next = ask()
    bench.tell(c, { kind: 'probe-report', n: earlier, target: b, isHeard: false })
    bench.pass(probeTimeoutMs / 2, [c])
    expect(bench.statusOf(b)).toBe('alive')
    bench.tell(c, { kind: 'probe-report', n: next, target: b, isHeard: false })
    bench.pass(probeTimeoutMs / 20, [c])
    expect(bench.statusOf(b)).toBe('suspect')
  })

  test('that one node finds gone is not dead by that alone once somebody else can be heard again', () => {
    bench.meet(b, c, d)
    bench.pass(1_000, [b, c, d])
    for (const id of [b, c, d]) bench.membership.onPeerDown(id, bench.now)
    for (const id of [b, c, d]) bench.membership.onDialFailed(id, REFUSED, bench.now)
    bench.pass(suspicionFastMs / 2)
    bench.membership.onPeerUp(d, bench.now)
    bench.pass(suspicionFastMs, [d])
    expect([b, c, d].map(id => bench.statusOf(id))).toEqual(['suspect', 'suspect', 'suspect'])
  })

  test('that has refused, and has come back since, is not dead by that alone when its session ends again', () => {
    bench.meet(b)
    bench.pass(1_000, [b])
    bench.membership.onPeerDown(b, bench.now)
    bench.membership.onDialFailed(b, REFUSED, bench.now)
    bench.pass(suspicionFastMs / 2)
    bench.membership.onPeerUp(b, bench.now)
    bench.pass(20, [b])
    bench.membership.onPeerDown(b, bench.now)
    bench.pass(1_300)
    expect(bench.statusOf(b)).toBe('suspect')
    bench.membership.onDialFailed(b, REFUSED, bench.now)
    bench.pass(suspicionFastMs + 20)
    expect(bench.statusOf(b)).toBe('dead')
  })

  test('that is silent where all but one refuse is out as soon as in a mesh of two', () => {
    bench.meet(b, c, d, e)
    bench.pass(1_000, [b, c, d, e])
    for (const id of [c, d, e]) bench.membership.onPeerDown(id, bench.now)
    for (const id of [c, d, e]) bench.membership.onDialFailed(id, REFUSED, bench.now)
    expect(bench.passUntil(() => bench.statusOf(b) === 'dead')).toBeLessThan(3_000)
    expect(bench.passUntil(() => [c, d, e].every(id => bench.statusOf(id) === 'dead'))).toBeLessThan(300)
  })
})

describe('that nobody listens where a member', () => {
  const SEED = '/sim/seed'

  /** `b` runs anew, and its session ends. `addresses`: where it listens now. */
  function restartB(addresses: readonly string[]): void {
    bench.membership.contacts.addSeed(SEED, bench.nowMs)
    bench.pass(10)
    bench.membership.contacts.onDialled(SEED, b, bench.nowMs)
    bench.meet(b)
    bench.pass(1_000, [b])
    bench.membership.onPeerDown(b, bench.now)
    bench.membership.merge(row(b, { boot: 2, addresses }), bench.now)
    bench.membership.onPeerUp(b, bench.now)
    bench.pass(10_000, [b])
    bench.membership.onPeerDown(b, bench.now)
  }

  test.each([
    ['was in an earlier run, by a seed,', ['/sim/elsewhere'], SEED],
    ['was in an earlier run, and does not listen in this one,', [], b],
  ])('%s is nothing against it', (_where, addresses, key) => {
    restartB(addresses)
    bench.membership.onDialFailed(key, REFUSED, bench.now)
    bench.pass(suspicionFastMs + 20)
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('is claimed to be, by anybody in the network, is nothing against it', () => {
    bench.membership.merge(row(b, { addresses: [] }), bench.now)
    bench.membership.onPeerUp(b, bench.now)
    bench.membership.contacts.find(b, ['/sim/nowhere'], bench.nowMs)
    bench.pass(1_000, [b])
    bench.membership.onPeerDown(b, bench.now)
    bench.membership.onDialFailed(b, REFUSED, bench.now)
    bench.pass(suspicionFastMs + 20)
    expect(bench.statusOf(b)).toBe('alive')
  })

  test.each([
    ['has answered in this run', '/sim/elsewhere'],
    ['listens in this run, as it says', SEED],
    ['listens in this run, as it says by its name', `${SEED}/p2p/${b}`],
  ])('%s, by a seed, is found against it', (_where, address) => {
    restartB([address])
    bench.membership.onPeerUp(b, bench.now)
    if (!address.startsWith(SEED)) bench.membership.contacts.onDialled(SEED, b, bench.nowMs)
    bench.pass(1_000, [b])
    bench.membership.onPeerDown(b, bench.now)
    bench.membership.onDialFailed(SEED, REFUSED, bench.now)
    bench.pass(suspicionFastMs + 20)
    expect(bench.statusOf(b)).toBe('dead')
  })
})
