import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { Wakefulness } from '../../src/protocol/wakefulness.ts'

const { probePeriodMs, probeTimeoutMs } = LAN_TIMINGS

/** What a node is when it is late by so much, at each of these moments. The last thing it has done is as long ago. */
function noticed(moments: readonly number[], lateMs: number): string[] {
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [])
  return moments.map(ms => {
    wakefulness.notice({ ms: ms - lateMs, wallMs: ms - lateMs }, Infinity)
    return wakefulness.notice({ ms, wallMs: ms }, ms - lateMs)
  })
}

test('a node that is late begins anew three times in a row, and not again before it has been well for a while', () => {
  const again = [1, 2, 3, 4, 5].map(times => times * probePeriodMs)
  const well = 5 * probePeriodMs + 4 * probePeriodMs
  expect(noticed([...again, well], probeTimeoutMs / 2)).toEqual([
    'late',
    'late',
    'late',
    'slow',
    'slow',
    'late',
  ])
})

test('a node that is late now and then begins anew each time', () => {
  const moments = [1, 2, 3, 4, 5].map(times => times * 4 * probePeriodMs)
  expect(new Set(noticed(moments, probeTimeoutMs / 2))).toEqual(new Set(['late']))
})

test('a node that has stood still for long begins anew, however often', () => {
  const moments = [1, 2, 3, 4, 5].map(times => times * 3 * probePeriodMs)
  expect(new Set(noticed(moments, 2 * probePeriodMs))).toEqual(new Set(['asleep']))
})

/** What a node is at these moments, as of what was due then. */
function noticedAt(...moments: readonly (readonly [ms: number, dutyMs: number])[]): string[] {
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [])
  return moments.map(([ms, dutyMs]) => wakefulness.notice({ ms, wallMs: ms }, dutyMs))
}

test('a node does not get round to what is due, though it hears something all the time: that is late', () => {
  const dueMs = 1_000
  const moments = Array.from({ length: 11 }, (_, index) => [dueMs + index * 10, dueMs] as const)
  expect(noticedAt(...moments)).toEqual([...moments.slice(1).map(() => 'awake'), 'late'])
})

test('what was due some time ago by what was said just now is as late as that was said ago', () => {
  expect(noticedAt([1_000, 1_250], [1_099, -5_000])).toEqual(['awake', 'awake'])
  expect(noticedAt([1_000, 1_250], [1_300, -5_000])).toEqual(['awake', 'late'])
  expect(noticedAt([1_000, 1_250], [2_000, -5_000])).toEqual(['awake', 'asleep'])
  // Sooner than it was, and not in the past.
  expect(noticedAt([1_000, 1_250], [1_010, 1_060], [1_200, 1_060])).toEqual(['awake', 'awake', 'late'])
})

test.each([
  [999, 'awake'],
  [1_001, 'asleep'],
  [-3_600_000, 'awake'],
])('a wall clock that gains %i ms on the other one: the node was %s', (gainedMs, state) => {
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [])
  // No timer was late: while a machine sleeps, their clock stands still.
  expect(wakefulness.notice({ ms: 10, wallMs: 10 + gainedMs }, 10)).toBe(state)
})

test('what has come while a node stood still is not taken for heard before it has had time to read it', () => {
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [])
  const heardUntilMs = (ms: number, dutyMs: number): number => {
    wakefulness.notice({ ms, wallMs: ms }, dutyMs)
    return wakefulness.heardUntilMs
  }
  expect(heardUntilMs(1_000, 1_000)).toBe(1_000)
  // Each of these stalls begins at once after the one before: what came before it has been heard.
  for (let ms = 1_600; ms < 10_000; ms += 600) {
    expect(heardUntilMs(ms, ms - 500)).toBe(ms === 1_600 ? 1_000 : ms - 599)
    expect(heardUntilMs(ms + 1, ms - 500)).toBe(ms === 1_600 ? 1_000 : ms - 599)
  }
  expect(heardUntilMs(11_000, 11_000)).toBe(11_000)
})

test('what has come while nothing ran is not taken for read before it has had time to be, whether or not it was late', () => {
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [])
  const readUntilMs = (ms: number, dutyMs: number): number => {
    wakefulness.notice({ ms, wallMs: ms }, dutyMs)
    return wakefulness.readUntilMs
  }
  expect(readUntilMs(90, 90)).toBe(90)
  for (let ms = 300; ms < 5_000; ms += 210) {
    const beforeMs = ms === 300 ? 90 : ms - 200
    expect(readUntilMs(ms, ms + 50)).toBe(beforeMs)
    expect(readUntilMs(ms + 10, ms + 50)).toBe(beforeMs)
  }
  const lastMs = wakefulness.readUntilMs + 210
  expect(readUntilMs(lastMs + 95, Infinity)).toBe(lastMs + 95)
})

/** A node that stands still for 3 s each `everyMs`, for ten minutes, and hears `b` in between. When it is away from `c`. */
function stalling(everyMs: number, hearsOf: (ms: number) => boolean): number[] {
  const [b, c] = [nodeId('b'), nodeId('c')]
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [b, c])
  const away: number[] = []
  for (let ms = 0; ms < 600_000; ms += everyMs) {
    const dutyMs = ms + everyMs - 3_000
    wakefulness.notice({ ms: dutyMs, wallMs: dutyMs }, dutyMs)
    if (wakefulness.isAwayFrom(c, dutyMs)) away.push(dutyMs)
    const backMs = ms + everyMs
    wakefulness.notice({ ms: backMs, wallMs: backMs }, dutyMs)
    // A message that has waited meanwhile.
    wakefulness.notice({ ms: backMs, wallMs: backMs }, dutyMs)
    wakefulness.onHeard(b, backMs + 500, 0)
    if (hearsOf(backMs)) wakefulness.onHeard(c, backMs + 500, 0)
    expect(wakefulness.isAwayFrom(b, backMs + 500)).toBe(false)
  }
  return away
}

test('a node that stands still again and again is away from a silent peer for 30 s that it was awake', () => {
  expect(stalling(18_000, () => false)).toEqual([33_000])
  expect(stalling(8_000, () => false)).toEqual([13, 21, 29, 37, 45].map(seconds => seconds * 1_000))
  // No gap is needed between one such time and the next one.
  expect(stalling(32_000, () => false)).toEqual([61_000])
})

test('a sign of life gives a peer its 30 s again, also one that comes after they are over', () => {
  expect(stalling(18_000, ms => ms === 90_000)).toEqual([33_000, 123_000])
  expect(stalling(18_000, () => true)).toEqual([])
})

test('who is heard of by way of others only has its 30 s again too, after each sleep', () => {
  const c = nodeId('c')
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [c])
  const sleep = (fromMs: number): void => void wakefulness.notice({ ms: fromMs + 5_000, wallMs: 0 }, fromMs)
  sleep(1_000)
  // A report that had waited to be read says nothing.
  wakefulness.onVouched(c, 6_001)
  expect(wakefulness.isAwayFrom(c, 7_000)).toBe(true)
  wakefulness.onVouched(c, 7_000)
  expect(wakefulness.isAwayFrom(c, 7_000)).toBe(false)
  sleep(60_000)
  expect(wakefulness.isAwayFrom(c, 94_000)).toBe(true)
  expect(wakefulness.isAwayFrom(c, 96_000)).toBe(false)
})

// Its session found nothing any more that was still to be heard.
test('what a peer has had is put off by its new session, also where others have vouched for it before', () => {
  const [b, c] = [nodeId('b'), nodeId('c')]
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [b, c])
  wakefulness.notice({ ms: 5_000, wallMs: 0 }, 1_000)
  wakefulness.onHeard(b, 5_500, 0)
  const fromMs = wakefulness.reunitedFromMs
  for (let ms = 6_000; ms < 20_000; ms += 500) wakefulness.onVouched(c, ms)
  // That they vouch puts off nothing by itself, however often they do.
  expect(wakefulness.reunitedFromMs).toBe(fromMs)
  wakefulness.onHeard(c, 20_000, 19_950)
  expect(wakefulness.reunitedFromMs).toBe(20_000 + 2 * probePeriodMs)
  for (let ms = 20_500; ms < 30_000; ms += 500) {
    wakefulness.onVouched(c, ms)
    wakefulness.onHeard(c, ms, 19_950)
  }
  expect(wakefulness.reunitedFromMs).toBe(20_000 + 2 * probePeriodMs)
  expect(wakefulness.isAwayFrom(c, 30_000)).toBe(false)
})

test('a session with a peer that others have vouched for puts off nothing after 30 s, nor do those who vouch for strangers', () => {
  const [b, c] = [nodeId('b'), nodeId('c')]
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [c])
  wakefulness.notice({ ms: 5_000, wallMs: 0 }, 1_000)
  const fromMs = wakefulness.reunitedFromMs
  wakefulness.onVouched(b, 6_000)
  wakefulness.onVouched(c, 6_000)
  wakefulness.onHeard(b, 40_000, 39_950)
  wakefulness.onHeard(c, 40_000, 39_950)
  expect(wakefulness.reunitedFromMs).toBe(fromMs)
})

// It decided at once by what it knew from before.
test('who is heard first after it was away may have come meanwhile: what the others have done is still to be heard', () => {
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [nodeId('b')])
  wakefulness.notice({ ms: 5_000, wallMs: 5_000 }, 1_000)
  wakefulness.onHeard(nodeId('c'), 6_000, 5_500)
  expect(wakefulness.returnedFromMs).toBe(6_000 + 2 * probePeriodMs)
  // And nobody of those who were there has been heard.
  expect([...wakefulness.unheard(6_000)]).toEqual(['b'])
})

test('a node that has stood still while it was alone waits for nobody, and for what the first one says that comes', () => {
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [])
  wakefulness.notice({ ms: 5_000, wallMs: 5_000 }, 1_000)
  expect([...wakefulness.unheard(6_000)]).toEqual([])
  expect(wakefulness.returnedFromMs).toBe(-Infinity)
  wakefulness.onHeard(nodeId('b'), 6_000, 5_500)
  expect(wakefulness.returnedFromMs).toBe(6_000 + 2 * probePeriodMs)
})

// It was late by half of that only, and did not know that others had taken it for dead.
test('a node that is unwell was away when nothing ran for as long as others wait, however late its next timer was', () => {
  const [ranMs, backMs] = [1_000, 1_000 + 3.5 * probePeriodMs]
  const state = (dutyMs: number): string[] => {
    const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [nodeId('b')])
    wakefulness.notice({ ms: ranMs, wallMs: ranMs }, ranMs)
    return [
      wakefulness.notice({ ms: backMs, wallMs: backMs }, dutyMs),
      ...wakefulness.unheard(backMs).map(peer => `away from ${peer}`),
    ]
  }
  expect(state(backMs - probeTimeoutMs / 2)).toEqual(['asleep', 'away from b'])
  // It was idle, and had nothing to do.
  expect(state(backMs - 1)).toEqual(['awake'])
})

test('whoever is back asks those whom it has not heard, once, when an answer is sure to be one', () => {
  const [b, c, d] = [nodeId('b'), nodeId('c'), nodeId('d')]
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [b, c, d])
  expect(wakefulness.wakeAtMs()).toBe(Infinity)
  wakefulness.notice({ ms: 5_000, wallMs: 5_000 }, 1_000)
  const askMs = wakefulness.wakeAtMs()
  expect(askMs).toBe(5_000 + probeTimeoutMs / 2)
  expect(wakefulness.takeUnheard(askMs - 1)).toEqual([])
  wakefulness.onHeard(b, askMs + 1, 0)
  wakefulness.onVouched(c, askMs + 1)
  expect(wakefulness.takeUnheard(askMs + 1)).toEqual([d])
  expect(wakefulness.takeUnheard(askMs + 1_000)).toEqual([])
  expect(wakefulness.wakeAtMs()).toBe(Infinity)
})

test('a node that stands still again and again before it is back, and hears all each time, waits no more in the end', () => {
  const b = nodeId('b')
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [b])
  const waits: boolean[] = []
  const stall = (ms: number): void => {
    wakefulness.notice({ ms, wallMs: ms }, ms)
    wakefulness.notice({ ms: ms + 2_400, wallMs: ms + 2_400 }, ms)
    // What has waited is read.
    wakefulness.notice({ ms: ms + 2_400, wallMs: ms + 2_400 }, ms)
    wakefulness.onHeard(b, ms + 2_600, 0)
    waits.push(wakefulness.returnedFromMs > ms + 3_000)
  }
  for (let times = 1; times <= 6; times++) stall(times * 3_000)
  expect(waits).toEqual([true, true, true, true, false, false])
  // It was back for a while.
  wakefulness.notice({ ms: 29_000, wallMs: 29_000 }, 29_000)
  stall(30_000)
  expect(waits.at(-1)).toBe(true)
})

// What it had counted stayed, as nothing had run for a moment only by the clock that stands still in a sleep.
test('a machine that sleeps, long after its node stood still again and again, waits once it wakes', () => {
  const b = nodeId('b')
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [b])
  for (let ms = 3_000; ms <= 15_000; ms += 3_000) {
    wakefulness.notice({ ms, wallMs: ms }, ms)
    wakefulness.notice({ ms: ms + 2_400, wallMs: ms + 2_400 }, ms)
    wakefulness.onHeard(b, ms + 2_600, 0)
  }
  expect(wakefulness.returnedFromMs).toBe(-Infinity)
  wakefulness.notice({ ms: 59_990, wallMs: 59_990 }, 60_000)
  wakefulness.notice({ ms: 60_000, wallMs: 3_600_000 }, 60_000)
  // What has waited is read.
  wakefulness.notice({ ms: 60_001, wallMs: 3_600_001 }, 60_000)
  wakefulness.onHeard(b, 60_300, 0)
  expect(wakefulness.returnedFromMs).toBe(60_300 + 2 * probePeriodMs)
})

// As of a laptop that looks for mail with its lid closed: it did not wait any more when the lid was opened.
test('a node that wakes again and again, and hears nobody, waits all the same for what the first one says that it hears', () => {
  const b = nodeId('b')
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [b])
  for (let ms = 1_000; ms < 200_000; ms += 20_000) {
    wakefulness.notice({ ms, wallMs: ms }, ms)
    wakefulness.notice({ ms: ms + 18_000, wallMs: ms + 18_000 }, ms)
    wakefulness.notice({ ms: ms + 19_999, wallMs: ms + 19_999 }, ms + 19_999)
  }
  wakefulness.onHeard(b, 200_500, 200_500)
  expect(wakefulness.returnedFromMs).toBe(200_500 + 2 * probePeriodMs)
})

// It was put off by each of them, in a mesh of sixty for fifteen seconds.
test('what others have had is put off by the first sign of life, and by those of sessions that begin later', () => {
  const peers = Array.from({ length: 60 }, (_, index) => nodeId(`p${index}`))
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => peers)
  wakefulness.notice({ ms: 100, wallMs: 3_600_000 }, 100)
  for (const [index, peer] of peers.entries()) wakefulness.onHeard(peer, 300 + index * 250, 0)
  expect(wakefulness.reunitedFromMs).toBe(300 + 2 * probePeriodMs)

  wakefulness.notice({ ms: 40_000, wallMs: 10_800_000 }, 40_000)
  for (const [index, peer] of peers.entries())
    wakefulness.onHeard(peer, 41_000 + index * 250, index === 8 ? 40_500 : 0)
  expect(wakefulness.reunitedFromMs).toBe(41_000 + 8 * 250 + 2 * probePeriodMs)
})

test('a node that stands still again and again, and hears nobody, is away for 30 s that it was awake, all in all', () => {
  const [b, c] = [nodeId('b'), nodeId('c')]
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 }, () => [b, c])
  let awayMs = 0
  for (let ms = 0; ms < 200_000; ms += 3_000) {
    wakefulness.notice({ ms: ms + 900, wallMs: ms + 900 }, ms + 900)
    wakefulness.notice({ ms: ms + 3_000, wallMs: ms + 3_000 }, ms + 900)
    if ([...wakefulness.unheard(ms + 3_000)].length > 0) awayMs = ms + 3_000
  }
  // For 900 ms of each 3 s.
  expect(awayMs).toBeGreaterThan(90_000)
  expect(awayMs).toBeLessThan(110_000)
})
