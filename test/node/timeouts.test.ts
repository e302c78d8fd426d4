import { expect, test } from 'vitest'

import { type Expiring, Timeouts } from '../../src/node/messaging/timeouts.ts'
import type { Clock } from '../../src/ports.ts'

/** Counts what is armed; its time stands still. */
class Armed implements Pick<Clock, 'nowMs' | 'after'> {
  readonly timers = new Map<object, () => void>()

  nowMs(): number {
    return 1_000
  }

  after(_delayMs: number, action: () => void): () => void {
    const timer = {}
    this.timers.set(timer, action)
    return () => void this.timers.delete(timer)
  }
}

const waitUntil = (deadlineMs: number): Expiring & { isExpired: boolean } => ({
  deadlineMs,
  isExpired: false,
  onExpired() {
    this.isExpired = true
  },
})

test('waits that may take long, and are over soon, leave no timers behind', () => {
  const clock = new Armed()
  const timeouts = new Timeouts(clock)
  for (let n = 0; n < 100; n++) {
    const wait = waitUntil(61_000 + n * 16)
    timeouts.add(wait)
    timeouts.delete(wait)
  }
  expect(clock.timers.size).toBe(0)
})

test('one of two that end together is over when the other is not', () => {
  const clock = new Armed()
  const timeouts = new Timeouts(clock)
  const [one, other] = [waitUntil(61_000), waitUntil(61_000)]
  timeouts.add(one)
  timeouts.add(other)
  timeouts.delete(one)
  for (const expire of clock.timers.values()) expire()
  expect([one.isExpired, other.isExpired]).toEqual([false, true])
})
