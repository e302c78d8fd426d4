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

test('a timer that is asked for while the machine sleeps has all of its time left when it wakes', async () => {
  const world = new VirtualClock()
  const clock = world.fork()
  const fired: number[] = []
  await world.run(50)
  clock.freeze()
  await world.run(400)
  for (const delayMs of [0, 20, 300]) clock.after(delayMs, () => fired.push(world.nowMs))
  await world.run(100)
  clock.thaw('asleep')
  await world.run(1_000)
  expect(fired).toEqual([550, 570, 850])
})

test('a timer that is asked for while the process stands still is due when it would have been', async () => {
  const world = new VirtualClock()
  const clock = world.fork()
  const fired: number[] = []
  clock.freeze()
  await world.run(400)
  for (const delayMs of [20, 300]) clock.after(delayMs, () => fired.push(world.nowMs))
  await world.run(100)
  clock.thaw('stopped')
  await world.run(1_000)
  expect(fired).toEqual([500, 700])
})

test('a timer waits through two sleeps', async () => {
  const world = new VirtualClock()
  const clock = world.fork()
  const fired: number[] = []
  for (const delayMs of [100, 300, 700]) clock.after(delayMs, () => fired.push(clock.nowMs()))
  for (let sleeps = 0; sleeps < 2; sleeps++) {
    await world.run(50)
    clock.freeze()
    await world.run(500)
    clock.thaw('asleep')
  }
  await world.run(1_000)
  expect(fired).toEqual([100, 300, 700])
})

test('a clock whose rate changes while the machine sleeps shows nothing of that, nor do its timers', async () => {
  const world = new VirtualClock()
  const clock = world.fork()
  const fired: number[] = []
  clock.setRate(0.5)
  clock.after(100, () => fired.push(world.nowMs))
  await world.run(80)
  clock.freeze()
  await world.run(300)
  clock.setRate(2)
  await world.run(100)
  clock.thaw('asleep')
  expect(clock.nowMs()).toBe(40)
  await world.run(1_000)
  expect(clock.nowMs()).toBe(2_040)
  // What was left when it fell asleep: 120 ms of the world.
  expect(fired).toEqual([600])
})
