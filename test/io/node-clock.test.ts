/** The clock of a simulated node: what becomes of timers when its process or its machine stands still. */

import { expect, test } from 'vitest'

import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'

test('a timer that would have been due while the machine slept has as much of its time left as it had', async () => {
  const world = new VirtualClock()
  const clock = world.fork()
  const fired: number[] = []
  for (const delayMs of [100, 300, 900]) clock.after(delayMs, () => fired.push(clock.nowMs(), world.nowMs))
  await world.run(50)
  clock.freeze()
  await world.run(500)
  clock.thaw('asleep')
  expect(fired).toEqual([])
  await world.run(1_000)
  expect(fired).toEqual([100, 600, 300, 800, 900, 1_400])
})

test('a timer that was due while the process stood still is late, and no other one is', async () => {
  const world = new VirtualClock()
  const clock = world.fork()
  const fired: number[] = []
  for (const delayMs of [100, 900]) clock.after(delayMs, () => fired.push(clock.nowMs()))
  await world.run(50)
  clock.freeze()
  await world.run(500)
  clock.thaw('stopped')
  await world.run(1_000)
  expect(fired).toEqual([550, 900])
})
