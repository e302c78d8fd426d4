/** The outcomes of a run are given out as the generator of the language would. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { Deque } from '../../src/deque.ts'
import { Place } from '../../src/node/chain/flow.ts'
import { type Places, Run, type RunInit } from '../../src/node/chain/run.ts'

const FATAL = 'nothing comes any more'

/** Places that the test settles, in order. */
class ScriptedPlaces implements Places<number> {
  readonly log: string[] = []
  readonly #places = new Deque<Place<number>>()
  #end: { readonly error: Error | undefined } | undefined
  #wake: (() => void) | undefined

  async feed(): Promise<void> {
    this.log.push('feed')
  }

  take(): Place<number> | undefined {
    return this.#places.shift()
  }

  async wait(): Promise<boolean> {
    while (this.#places.size === 0) {
      if (this.#end?.error !== undefined) throw this.#end.error
      if (this.#end !== undefined) return false
      await new Promise<void>(resolve => (this.#wake = resolve))
    }
    return true
  }

  rest(): undefined {}

  stop(): void {
    this.log.push('stop')
  }

  put(n: number, error?: string): void {
    const place = new Place(n, () => {})
    if (error === undefined) place.onOutcome(n)
    else place.onDead(new Error(error))
    this.#places.push(place)
    this.#wake?.()
  }

  end(error?: Error): void {
    this.#end ??= { error }
    this.#wake?.()
  }
}

/** What a run is, in the words of the language. */
async function* generated({ begin, onDead }: RunInit<number>): AsyncGenerator<number, void, void> {
  const flow = begin()
  void flow.feed()
  try {
    for (let place = flow.take(); place !== undefined || (await flow.wait()); place = flow.take()) {
      if (place === undefined) continue
      if (place.error === undefined) yield place.item
      else onDead(place, place.error)
    }
  } finally {
    flow.stop()
  }
}

/** One who reads, and what has been answered: each with the number of the question. */
class Reader {
  readonly places = new ScriptedPlaces()
  readonly answers: string[] = []
  readonly #outcomes: AsyncGenerator<number, void, void>
  #asked = 0
  isRefused = false

  constructor(make: (init: RunInit<number>) => AsyncGenerator<number, void, void>) {
    this.#outcomes = make({
      begin: () => {
        if (this.isRefused) throw new Error('refused')
        this.places.log.push('begin')
        return this.places
      },
      onDead: ({ item }, error) => {
        if (error.message === FATAL) throw error
        this.places.log.push(`dead ${item}`)
      },
    })
  }

  do(step: Step, n: number): void {
    switch (step) {
      case 'next':
        return this.#note(this.#outcomes.next())
      case 'return':
        return this.#note(this.#outcomes.return())
      case 'throw':
        return this.#note(this.#outcomes.throw(new Error(`thrown ${n}`)))
      case 'outcome':
        return this.places.put(n)
      case 'dead':
        return this.places.put(n, 'tried in vain')
      case 'fatal':
        return this.places.put(n, FATAL)
      case 'end':
        return this.places.end()
      case 'fail':
        return this.places.end(new Error('the source failed'))
      default:
        throw new Error(`no step ${String(step)}`)
    }
  }

  #note(answer: Promise<IteratorResult<number, void>>): void {
    this.#asked += 1
    const question = this.#asked
    answer.then(
      result => this.answers.push(`${question}: ${String(result.done)} ${String(result.value)}`),
      (error: unknown) => this.answers.push(`${question}: ${String(error)}`),
    )
  }
}

const STEPS = ['next', 'return', 'throw', 'outcome', 'dead', 'fatal', 'end', 'fail'] as const
type Step = (typeof STEPS)[number]

/** Until nothing more comes of what was done. */
function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

async function compare(steps: readonly Step[], isRefused = false): Promise<Reader> {
  const run = new Reader(init => new Run<number, number>(init))
  const model = new Reader(generated)
  for (const reader of [run, model]) reader.isRefused = isRefused
  for (const [n, step] of steps.entries()) {
    for (const reader of [run, model]) reader.do(step, n)
    await settled()
    expect(run.answers, `after ${steps.slice(0, n + 1).join(' ')}`).toEqual(model.answers)
    expect(run.places.log).toEqual(model.places.log)
  }
  return run
}

describe('as the generator of the language would, whatever comes in whatever order', () => {
  test('by chance', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant('next' as const) },
      { weight: 4, arbitrary: fc.constant('outcome' as const) },
      { weight: 3, arbitrary: fc.constantFrom(...STEPS) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 24 }), async steps => {
        await compare(steps)
      }),
      { numRuns: 300 },
    )
  })

  test.each<{ readonly what: string; readonly steps: readonly Step[]; readonly answers: readonly string[] }>([
    { what: 'nothing is asked for, nothing begins', steps: ['outcome', 'end'], answers: [] },
    {
      what: 'what was asked for ahead comes in order',
      steps: ['next', 'next', 'next', 'outcome', 'outcome', 'end', 'next'],
      answers: ['1: false 3', '2: false 4', '3: true undefined', '4: true undefined'],
    },
    {
      what: 'ended before it began, it never begins',
      steps: ['return', 'next'],
      answers: ['1: true undefined', '2: true undefined'],
    },
    {
      what: 'an end waits for who has asked before',
      steps: ['next', 'return', 'outcome', 'next'],
      answers: ['1: false 2', '2: true undefined', '3: true undefined'],
    },
    {
      what: 'what is thrown in comes out, and ends it',
      steps: ['outcome', 'next', 'throw', 'outcome', 'next'],
      answers: ['1: false 0', '2: Error: thrown 2', '3: true undefined'],
    },
    {
      what: 'a dead item has no outcome, and one that ends all is thrown',
      steps: ['dead', 'outcome', 'fatal', 'next', 'next', 'next'],
      answers: ['1: false 1', `2: Error: ${FATAL}`, '3: true undefined'],
    },
    {
      what: 'what was there before the source failed comes before the error',
      steps: ['outcome', 'fail', 'next', 'next', 'next'],
      answers: ['1: false 0', '2: Error: the source failed', '3: true undefined'],
    },
  ])('$what', async ({ steps, answers }) => {
    expect((await compare(steps)).answers).toEqual(answers)
  })

  test('what cannot begin says so when it is first asked', async () => {
    const { answers, places } = await compare(['next', 'next'], true)
    expect(answers).toEqual(['1: Error: refused', '2: true undefined'])
    expect(places.log).toEqual([])
  })
})

test('a loop that is left early, and `await using`, stop the flow', async () => {
  const places = new ScriptedPlaces()
  const init: RunInit<number> = { begin: () => places, onDead: () => {} }
  places.put(1)
  places.put(2)
  for await (const outcome of new Run<number, number>(init)) if (outcome === 1) break
  expect(places.log).toEqual(['feed', 'stop'])
  {
    await using run = new Run<number, number>(init)
    expect(await run.next()).toEqual({ done: false, value: 2 })
  }
  expect(places.log).toEqual(['feed', 'stop', 'feed', 'stop'])
})
