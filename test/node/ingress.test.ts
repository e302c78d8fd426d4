/** With what an item is answered whose chain has changed meanwhile. */

import { expect, test } from 'vitest'

import { nodeId, specId } from '../../src/ids.ts'
import type { Exit } from '../../src/node/chain/fan.ts'
import { Ingress } from '../../src/node/chain/ingress.ts'
import type { Parent } from '../../src/node/chain/item.ts'
import type { Emission } from '../../src/protocol/spec-row.ts'

/** A chain of which the test says what comes out, and when. */
class Way {
  readonly outcomes: unknown[] = []
  readonly #sent: Parent[] = []
  readonly #ingress = new Ingress({
    chain: specId('c'),
    run: { id: nodeId('n'), boot: 1 },
    nowMs: () => 0,
    onDead: () => {},
    onCallbackFailed: () => {},
    onFinished: () => {},
  })

  constructor(emission: Emission) {
    this.become(emission)
    this.restart()
  }

  become(emission: Emission): void {
    this.#ingress.configure({ windowItems: 9, attemptsMax: 3, emission, stages: [] })
  }

  restart(): void {
    const push: ReturnType<Exit['pick']> = {
      debt: 0,
      hasRoom: () => true,
      push: (_item, parent) => void this.#sent.push(parent),
    }
    const exit: Exit = { isDeadEnd: false, prepare: () => {}, hasRoom: () => true, pick: () => push }
    this.#ingress.open({ entryOf: stage => stage, isWired: () => true, exitTo: () => exit })
  }

  accept(): void {
    const waiter = {
      onOutcome: (outcome: unknown) => void this.outcomes.push(outcome),
      onDead: (error: Error) => void this.outcomes.push(error),
    }
    this.#ingress.accept('a', waiter)
  }

  /** Something comes out of the first item. */
  emit(value: unknown, index = 0): void {
    this.#ingress.collect(1, [index], value)
  }

  /** All that came of what was sent last has been dealt with. */
  settle(): void {
    this.#sent.at(-1)?.onChildSettled()
  }
}

test.each(['one', 'maybe'] as const)('what came out before a stage that yields goes is answered: %s', to => {
  const way = new Way('many')
  way.accept()
  way.emit('a1', 0)
  way.become(to)
  way.emit('a2', 1)
  expect(way.outcomes).toEqual([])
  way.settle()
  expect(way.outcomes).toEqual([['a1', 'a2']])
})

test('so is what has come out where nothing more comes', () => {
  const way = new Way('many')
  way.accept()
  way.emit('a1')
  way.become('one')
  way.settle()
  expect(way.outcomes).toEqual([['a1']])
})

test('so it is where such a stage was there for a while only', () => {
  const way = new Way('one')
  way.accept()
  way.become('many')
  way.become('one')
  way.emit('a1', 0)
  way.emit('a2', 1)
  way.settle()
  expect(way.outcomes).toEqual([['a1', 'a2']])
})

test('what goes through once more is answered with what came of that alone, in a list as well', () => {
  const way = new Way('many')
  way.accept()
  way.emit('a1')
  way.become('one')
  way.restart()
  way.emit('a')
  way.settle()
  expect(way.outcomes).toEqual([['a']])
})

test('what is put in afterwards gives one for one, and does not wait for word of all stages', () => {
  const way = new Way('many')
  way.become('one')
  way.accept()
  way.emit('a')
  expect(way.outcomes).toEqual(['a'])
})
