import { describe, expect, test } from 'vitest'

import { VirtualClock } from '../../../src/io/memory/virtual-clock.ts'
import { Heartbeat } from '../../../src/node/workers/heartbeat.ts'
import { Outputs } from '../../../src/node/workers/outputs.ts'

const LIMIT_MS = 1_000

/** Watches a cell that answers while `isWell`. */
function watch() {
  const clock = new VirtualClock()
  const own = clock.fork()
  const missed: number[] = []
  const cell = { isWell: true, pings: 0, answer: () => heartbeat.onSign() }
  const heartbeat: Heartbeat = new Heartbeat(own, LIMIT_MS, {
    ping: () => {
      cell.pings += 1
      if (cell.isWell) cell.answer()
    },
    onMissed: silentMs => missed.push(silentMs),
  })
  heartbeat.start()
  return { clock, cell, missed, heartbeat }
}

describe('the heartbeat of a cell', () => {
  test('leaves one alone that answers', async () => {
    const { clock, cell, missed } = watch()
    await clock.run(60_000)
    expect(missed).toEqual([])
    expect(cell.pings).toBeGreaterThan(60)
  })

  test('is missed once, soon after the limit', async () => {
    const { clock, cell, missed } = watch()
    await clock.run(5_000)
    cell.isWell = false
    await clock.run(LIMIT_MS)
    expect(missed).toEqual([])
    await clock.run(LIMIT_MS / 2)
    expect(missed).toHaveLength(1)
    expect(missed[0]).toBeGreaterThan(LIMIT_MS)
    await clock.run(60_000)
    expect(missed).toHaveLength(1)
  })

  test('any other sign of life will do', async () => {
    const { clock, cell, missed, heartbeat } = watch()
    cell.isWell = false
    for (let n = 0; n < 20; n++) {
      await clock.run(LIMIT_MS / 2)
      heartbeat.onSign()
    }
    expect(missed).toEqual([])
  })

  test('is not missed by a node that was held up itself', () => {
    const timers: (() => void)[] = []
    let nowMs = 0
    const missed: number[] = []
    const heartbeat = new Heartbeat(
      {
        nowMs: () => nowMs,
        wallMs: () => nowMs,
        after: (_delayMs, action) => {
          timers.push(action)
          return () => {}
        },
      },
      LIMIT_MS,
      { ping: () => {}, onMissed: silentMs => missed.push(silentMs) },
    )
    heartbeat.start()
    nowMs = 10 * LIMIT_MS
    // The timer of long ago, and whatever it leads to in the same moment: the answers have not been read yet.
    timers.shift()?.()
    expect(missed).toEqual([])
  })

  test('ends with the watch', async () => {
    const { clock, cell, missed, heartbeat } = watch()
    cell.isWell = false
    heartbeat.stop()
    await clock.run(60_000)
    expect(missed).toEqual([])
  })
})

describe('the outputs of a generator in a cell', () => {
  const outputs = () => {
    const asked: (number | 'enough')[] = []
    const made = new Outputs({ onMore: count => asked.push(count), onEnough: () => asked.push('enough') })
    return { asked, made }
  }

  test('come in order, then the end', async () => {
    const { made } = outputs()
    made.onOutput(1)
    made.onOutput(2)
    made.onEnd(undefined)
    const seen: unknown[] = []
    for await (const value of made) seen.push(value)
    expect(seen).toEqual([1, 2])
  })

  test('come before the error that ended them', async () => {
    const { made } = outputs()
    const seen: unknown[] = []
    made.onOutput(1)
    made.onEnd(new Error('broken'))
    const reading = (async () => {
      for await (const value of made) seen.push(value)
    })()
    await expect(reading).rejects.toThrow('broken')
    expect(seen).toEqual([1])
  })

  test('are asked for as they are taken, and no more when nobody wants them', async () => {
    const { asked, made } = outputs()
    for (let n = 0; n < 16; n++) made.onOutput(n)
    let taken = 0
    for await (const _ of made) {
      taken += 1
      if (taken === 7) expect(asked).toEqual([])
      if (taken === 9) break
    }
    expect(asked).toEqual([8, 'enough'])
  })
})
