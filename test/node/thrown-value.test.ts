/** What is left of what was thrown, whatever it was. */

import { runInNewContext } from 'node:vm'

import { expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { failureIn } from '../../src/node/messaging/reply.ts'
import { crashFrom, failureFrom, writeOut } from '../../src/node/supervision/exit.ts'
import { describeThrown, showValue, toError } from '../../src/node/thrown-value.ts'
import { CellError, thrownFrom } from '../../src/node/workers/thrown.ts'
import { type Cause, withFailure } from '../../src/protocol/failure.ts'

const circle: Record<string, unknown> = { id: 7 }
circle['self'] = circle

class Refusal {
  readonly code = 'E_REFUSED'
}

const hostile = new Proxy(
  {},
  {
    get: () => {
      throw new Error('no')
    },
    ownKeys: () => {
      throw new Error('no')
    },
    getPrototypeOf: () => {
      throw new Error('no')
    },
  },
)

test.each<readonly [what: string, thrown: unknown, name: string, message: string]>([
  ['a text', 'plain', 'Error', 'plain'],
  ['a number', 42, 'Error', '42'],
  ['undefined', undefined, 'Error', 'undefined'],
  ['null', null, 'Error', 'null'],
  ['a symbol', Symbol('why'), 'Error', 'Symbol(why)'],
  ['an error', new RangeError('too far'), 'RangeError', 'too far'],
  ['an object', { code: 42, detail: { at: [1, 2] } }, 'Error', '{ code: 42, detail: { at: [1, 2] } }'],
  ['an object like an error', { name: 'Odd', message: 'not even' }, 'Odd', 'not even'],
  ['one with a code', { message: 'gone', code: 'ENOENT' }, 'Error', "gone { code: 'ENOENT' }"],
  ['one with a name', { name: 'Odd', code: 1 }, 'Odd', "{ name: 'Odd', code: 1 }"],
  ['an instance of a class', new Refusal(), 'Error', "Refusal { code: 'E_REFUSED' }"],
  ['nothing in it', {}, 'Error', '{}'],
  ['nothing behind it', Object.create(null), 'Error', '{}'],
  ['a circle', circle, 'Error', '{ id: 7, self: { id: 7, self: { id: 7, self: {…} } } }'],
  ['a Map', new Map([['a', 1]]), 'Error', "Map {['a', 1]}"],
  [
    'a getter that throws',
    {
      get a(): number {
        throw new Error('no')
      },
    },
    'Error',
    '{ a: [a getter that throws] }',
  ],
  ['an error of another realm', runInNewContext("new TypeError('there')"), 'TypeError', 'there'],
])('of %s, its content is left', (_what, thrown, name, message) => {
  expect(describeThrown(thrown)).toMatchObject({ name, message })
  const slot = slotId(specId('a'))
  expect(failureFrom(thrown, { node: nodeId('n1'), slot })).toMatchObject({ name, message, slot })
  expect(thrownFrom(thrown)).toMatchObject({ name, message })
  expect(toError(thrown)).toMatchObject({ name, message })
})

test('what lets nobody look at it throws nothing', () => {
  expect(describeThrown(hostile)).toEqual({ name: 'Error', message: '[an object]', stack: undefined })
  expect(toError(hostile)).toBeInstanceOf(Error)
  const odd = Object.assign(new Error('odd'), { name: 5, message: { toString: 5 } })
  expect(describeThrown(odd)).toMatchObject({ name: 'Error', message: '' })
})

test('an error stays what it is, and anything else is its cause', () => {
  const error = new Error('as it is')
  expect(toError(error)).toBe(error)
  expect(toError({ code: 1 }).cause).toEqual({ code: 1 })
})

const where = { node: nodeId('n1'), slot: slotId(specId('a')), generation: 2 }

/** An error with so many causes behind it, each with a name of its own. */
function chainOf(count: number): Error {
  let error = new Error('0')
  for (let n = 1; n <= count; n += 1) error = new Error(String(n), { cause: error })
  return error
}

/** The messages of an error and of all that it came from. */
function told(failure: { readonly message: string; readonly cause?: Cause | undefined }): string[] {
  return [failure.message, ...(failure.cause === undefined ? [] : told(failure.cause))]
}

test('the code and the causes of an error are told, as far as they are any', () => {
  const { code, cause } = failureFrom(
    Object.assign(new Error('out', { cause: { code: 'E_IN' } }), { code: 5 }),
    where,
  )
  expect([code, cause]).toEqual([5, { name: 'Error', message: "{ code: 'E_IN' }", code: 'E_IN' }])
  const odd = Object.assign(new Error('odd', { cause: null }), { code: { toString: () => 'E' } })
  expect(Object.keys(failureFrom(odd, where))).toEqual(['name', 'message', 'stack', ...Object.keys(where)])
  expect(failureFrom(new Error('odd', { cause: hostile }), where).cause).toMatchObject({ name: 'Error' })
  expect({ ...crashFrom(odd, where) }).toEqual(failureFrom(odd, where))
})

test('causes are bounded in depth and size, and those in a circle are told once', () => {
  expect(told(failureFrom(chainOf(2), where))).toEqual(['2', '1', '0'])
  expect(told(failureFrom(chainOf(100), where))).toEqual(['100', '99', '98', '97', '96'])
  const inner = new Error('inner')
  const outer = new Error('outer', { cause: inner })
  inner.cause = outer
  expect(told(failureFrom(outer, where))).toEqual(['outer', 'inner'])
  const long = Object.assign(new Error('x'.repeat(5_000)), { name: 'x'.repeat(500), code: 'x'.repeat(500) })
  const { cause } = failureFrom(new Error('short', { cause: long }), where)
  expect([cause?.name.length, cause?.message.length, String(cause?.code).length]).toEqual([128, 1_024, 128])
})

test('what an error gathers is told, the nearest first, and no more than so many', () => {
  const gathered = (count: number): Error[] => Array.from({ length: count }, (_, n) => chainOf(n))
  const messages = (error: unknown): unknown =>
    failureFrom(error, where).errors?.map(({ message, cause }) => [message, cause?.message])
  expect(messages(new AggregateError(gathered(3)))).toEqual([
    ['0', undefined],
    ['1', '0'],
    ['2', '1'],
  ])
  expect(messages(new AggregateError(gathered(9)))).toEqual(
    gathered(8).map(({ message }) => [message, undefined]),
  )
  const both = failureFrom(new AggregateError(gathered(9), 'all', { cause: chainOf(0) }), where)
  expect([both.cause?.message, both.errors?.length]).toEqual(['0', 7])

  const self = new AggregateError(['a text', undefined, { code: 5 }], 'self')
  self.errors.push(self, new Proxy([], {}))
  expect(failureFrom(self, where).errors).toMatchObject([
    { name: 'Error', message: 'a text' },
    { name: 'Error', message: 'undefined' },
    { name: 'Error', message: '{ code: 5 }', code: 5 },
    { name: 'Error', message: '[]' },
  ])
  // Who tells them by their places finds each at its own.
  const holes = Object.assign(new Error('holes'), { errors: [null, chainOf(0), undefined, null] })
  const filled = failureFrom(holes, where).errors
  expect(filled?.map(({ message }) => message)).toEqual(['null', '0', 'undefined', 'null'])
  expect(failureFrom(new CellError(thrownFrom(holes)), where).errors).toEqual(filled)
  expect(failureFrom(new Error('no cause', { cause: null }), where)).not.toHaveProperty('cause')
  const empty = new AggregateError(Array.from({ length: 20 }))
  expect(failureFrom(empty, where).errors).toHaveLength(8)

  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()
  for (const errors of [proxy, 'a text', {}, [], hostile])
    expect(failureFrom(Object.assign(new Error('odd'), { errors }), where)).not.toHaveProperty('errors')
  const deep = new AggregateError([new AggregateError([new AggregateError([chainOf(4)])])])
  const [{ errors: [{ errors: [inner] = [] } = {}] = [] } = {}] = failureFrom(deep, where).errors ?? []
  expect(inner).toEqual({ name: 'Error', message: '4', cause: { name: 'Error', message: '3' } })
})

test('what has been told once is told again as it is, on its way over cells and peers', () => {
  const failure = failureFrom(
    Object.assign(new TypeError('out', { cause: chainOf(9) }), { code: 'E' }),
    where,
  )
  expect(failureIn(failure, where.node, where.slot)).toEqual(failure)
  const several = new AggregateError([chainOf(2), new AggregateError([chainOf(1)])], 'all')
  const { errors } = failureFrom(several, where)
  expect(failureIn(failureFrom(several, where), where.node, where.slot)).toMatchObject({ errors })
  expect(failureFrom(new CellError(thrownFrom(several)), where)).toMatchObject({ errors })
  expect(
    failureFrom(new CellError(thrownFrom(Object.assign(chainOf(9), { code: 'E' }))), where),
  ).toMatchObject({
    code: 'E',
    cause: failureFrom(chainOf(9), where).cause ?? {},
  })
  expect(failureIn({ name: 'E', message: 'm', code: {}, cause: 'x' }, where.node, where.slot)).toEqual({
    name: 'E',
    message: 'm',
    cause: { name: 'Error', message: 'x' },
    node: where.node,
    slot: where.slot,
  })
})

test('of older failures, the code is kept, and neither stack nor causes nor errors', () => {
  const older = failureFrom(Object.assign(chainOf(2), { code: 'E', errors: [chainOf(1)] }), where)
  const [, kept] = withFailure(withFailure([], older), failureFrom(chainOf(0), where))
  expect(kept).toEqual({ name: 'Error', message: '2', code: 'E', ...where })
})

test('the text is bounded, however much there is', () => {
  const much = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`field${n}`, 'x'.repeat(1_000)]))
  expect(showValue(much).length).toBeLessThanOrEqual(1_024)
  expect(showValue(Array.from({ length: 10_000 }, () => much)).length).toBeLessThanOrEqual(1_024)
  expect(showValue('x'.repeat(1_000))).toBe(`'${'x'.repeat(200)}…'`)
})

test('the stack of a crash is written out when somebody looks, and then once', () => {
  const looks: string[] = []
  const crash = (message: string): Error =>
    Object.defineProperty(new Error(message), 'stack', {
      get: () => {
        looks.push(message)
        return `Error: ${message}, somewhere`
      },
    })
  const [first, second] = [crashFrom(crash('first'), where), crashFrom(crash('second'), where)]
  const kept = withFailure(withFailure([], first), second)
  expect(kept.map(({ message }) => message)).toEqual(['second', 'first'])
  expect(looks).toEqual([])

  writeOut(second)
  expect(kept[0]?.stack).toBe('Error: second, somewhere')
  expect(kept[1]).toEqual({ name: 'Error', message: 'first', ...where })
  expect(looks).toEqual(['second'])
  // On its way to others it is what it would have been at once.
  expect({ ...first }).toEqual(failureFrom(crash('first'), where))
})
