/** What is left of what was thrown, whatever it was. */

import { runInNewContext } from 'node:vm'

import { expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { crashFrom, failureFrom, writeOut } from '../../src/node/supervision/exit.ts'
import { describeThrown, showValue, toError } from '../../src/node/thrown-value.ts'
import { thrownFrom } from '../../src/node/workers/thrown.ts'
import { withFailure } from '../../src/protocol/failure.ts'

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
  const where = { node: nodeId('n1'), slot: slotId(specId('a')), generation: 2 }
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
