/** How often the clock is looked at. */

import { expect, test } from 'vitest'

import { Turn } from '../../src/node/turn.ts'
import type { Clock } from '../../src/ports.ts'

/** How often the clock is looked at while so many things are done one after the other. */
function looksAt(count: number, eachMs: number): number {
  let nowMs = 1_000
  let looks = 0
  let next = (): void => {}
  const clock: Clock = {
    nowMs: () => {
      looks += 1
      return nowMs
    },
    wallMs: () => nowMs,
    after: (_, action) => {
      next = action
      return () => {}
    },
  }
  const turn = new Turn(clock)
  for (let done = 0; done < count; done++) {
    if (turn.isOverByNow()) next()
    nowMs += eachMs
  }
  return looks
}

test('work that is shorter than a look is done eight times between two looks, longer work once', () => {
  expect(looksAt(800, 0.001)).toBeLessThanOrEqual(102)
  expect(looksAt(800, 1)).toBe(800)
})

test('a turn ends, however short the things are that are done in it', () => {
  let nowMs = 0
  const turn = new Turn({ nowMs: () => nowMs, wallMs: () => nowMs, after: () => () => {} })
  let done = 0
  for (; !turn.isOverByNow(); done++) nowMs += 0.01
  expect(done).toBeLessThan(300)
})

/** A turn on a clock that is moved by hand; `next` ends it. */
class HandTurn {
  nowMs = 0
  #next = (): void => {}
  readonly turn = new Turn({
    nowMs: () => this.nowMs,
    wallMs: () => 0,
    after: (_, action) => {
      this.#next = action
      return () => {}
    },
  })

  async next(): Promise<void> {
    this.#next()
    // What rests goes on after that.
    for (let n = 0; n < 5; n++) await Promise.resolve()
  }

  /** Works all of its turns through, for ever. */
  toil(log: string[]): void {
    log.push('toil')
    this.nowMs += 5
    this.turn.defer(() => this.toil(log))
  }
}

test('what is over is over for everybody, however often they ask, until the next turn', async () => {
  const hand = new HandTurn()
  const { turn } = hand
  turn.isOver()
  hand.nowMs += 3
  expect(turn.isOver()).toBe(true)
  expect(Array.from({ length: 20 }, () => turn.isOverByNow())).not.toContain(false)
  expect(turn.isKnownOver).toBe(true)
  await hand.next()
  expect(turn.isKnownOver).toBe(false)
  expect(turn.isOver()).toBe(false)
})

test('whoever takes all of its turns keeps nobody from theirs: neither those who wait, nor those who rest', async () => {
  const hand = new HandTurn()
  const log: string[] = []
  const { turn } = hand
  const work = (name: string): void => {
    if (!turn.isOver()) log.push(name)
    turn.defer(() => work(name))
  }
  const restless = async (): Promise<void> => {
    while (log.length < 30) {
      log.push(turn.isOver() ? 'rested in vain' : 'rested')
      await turn.rest()
    }
  }
  turn.defer(() => hand.toil(log))
  turn.defer(() => work('waited'))
  void restless()
  for (let n = 0; n < 30; n++) await hand.next()
  const countOf = (name: string): number => log.filter(each => each === name).length
  expect(countOf('waited')).toBeGreaterThan(5)
  expect(countOf('rested')).toBeGreaterThan(5)
  expect(countOf('rested in vain')).toBe(0)
})
