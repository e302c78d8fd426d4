/** Which figures of `npm run bench` turn it red. The figures themselves are in no test: they belong to a quiet machine. */

import { describe, expect, test } from 'vitest'

import { type Figure, resultOf } from '../bench/bench.ts'
import { burn, detectKill, failoverBlackHole, failoverFreeze, healPartition } from '../bench/faults.ts'
import { form10, form30, form3 } from '../bench/form.ts'

const seconds: Figure = { name: 'some', unit: 's', goal: 2, better: 'less' }
const rate: Figure = { name: 'some', unit: 'calls/s', goal: 100, better: 'more', goalRatio: 0.6 }

const judge = (figure: Figure, values: readonly number[]): object => {
  const { met, fails } = resultOf(
    figure,
    values.map(value => ({ value, baseline: 200 })),
  )
  return { met, fails }
}

describe('a figure', () => {
  test('is judged by its median, and fails the run where that misses the goal', () => {
    expect(judge(seconds, [1, 2, 9])).toEqual({ met: true, fails: false })
    expect(judge(seconds, [1, 3, 9])).toEqual({ met: false, fails: true })
    expect(judge({ ...rate, goalRatio: 0 }, [20, 100, 110])).toEqual({ met: true, fails: false })
    expect(judge({ ...rate, goalRatio: 0 }, [20, 99, 110])).toEqual({ met: false, fails: true })
  })

  test('of which each round is to be good is judged by the worst', () => {
    const each: Figure = { ...seconds, judgedBy: 'worst' }
    expect(judge(each, [1, 1, 2])).toEqual({ met: true, fails: false })
    expect(judge(each, [1, 1, 2.1])).toEqual({ met: false, fails: true })
    expect(judge({ ...rate, goalRatio: 0, judgedBy: 'worst' }, [99, 110, 110])).toEqual({
      met: false,
      fails: true,
    })
  })

  test('with a baseline is to reach its share of it, too', () => {
    expect(judge(rate, [120])).toEqual({ met: true, fails: false })
    expect(judge(rate, [119])).toEqual({ met: false, fails: true })
    expect(resultOf(rate, [{ value: 120 }])).toMatchObject({ met: false, fails: true, ratio: null })
  })

  test('that is known to miss its goal is not met, and fails the run only beyond what is known', () => {
    const known: Figure = { ...seconds, knownMiss: { why: 'it is so', limit: 3 } }
    expect(judge(known, [3])).toEqual({ met: false, fails: false })
    expect(judge(known, [3.1])).toEqual({ met: false, fails: true })
    const share: Figure = { ...rate, knownMiss: { why: 'it is so', limitRatio: 0.5 } }
    expect(judge(share, [100])).toEqual({ met: false, fails: false })
    expect(judge(share, [99])).toEqual({ met: false, fails: true })
  })

  test('that could not be taken is not met', () => {
    const nothing = { value: null, worst: null, met: false, fails: true, rounds: 0 }
    expect(resultOf(seconds, [])).toMatchObject(nothing)
    expect(resultOf({ ...seconds, knownMiss: { why: 'it is so', limit: 9 } }, [])).toMatchObject(nothing)
  })
})

test('what a mesh is to do in some time it does each time in it, where no percentile is named', () => {
  const benches = [form3, form10, form30, failoverFreeze, failoverBlackHole, healPartition, burn]
  for (const figure of benches.flatMap(({ figures }) => figures))
    expect(figure, figure.name).toMatchObject({ judgedBy: 'worst' })
  expect(detectKill.figures.map(({ goal, judgedBy = 'median' }) => [goal, judgedBy])).toEqual([
    [0.8, 'median'],
    [0.8, 'median'],
    [2, 'worst'],
  ])
})
