/**
 * Every field of everything that a user declares, wrong in turn and all at once: one error, which names each bad field,
 * what was found and what was wanted. The table is held against the schemas, so that no field is forgotten.
 */

import { describe, expect, test } from 'vitest'

import { inspect } from '../../src/node/check.ts'
import { nodeInit } from '../../src/node/options.ts'
import { show, showKind } from '../../src/node/show.ts'
import { checkSimulation } from '../../src/simulation/simulation-options.ts'
import { Below, SURFACES } from './bad-values.ts'
import { allWrong, concrete, withField, withoutField } from './changed-field.ts'
import { problemsOf } from './problems.ts'
import { fieldsOf } from './schema-fields.ts'

describe.each(Object.entries(SURFACES))('of a %s', (kind, { schema, check, good, bad }) => {
  const known = fieldsOf(schema)
  const cases = Object.entries(bad).flatMap(([path, values]) => values.map(value => ({ path, value })))

  test('all fields are in the table of this test', () => {
    const listed = Object.keys(bad).filter(path => kind !== 'config' || !path.includes('[]'))
    expect(listed.toSorted()).toEqual(known.map(({ path }) => path).toSorted())
  })

  test('what is right is taken', () => {
    expect(problemsOf(() => check(good))).toEqual([])
  })

  test('each wrong value is named, with what was found and what was wanted', () => {
    expect(cases.length).toBeGreaterThan(50)
    for (const { path, value } of cases) {
      const [place, given, found] =
        value instanceof Below ? [value.path, value.value, value.found] : ['', value, value]
      const problems = problemsOf(() => check(withField(good, path, given)))
      const what = `${path} = ${show(given)}`
      expect(
        problems.map(problem => problem.path),
        what,
      ).toEqual([concrete(path) + place])
      const shown = path === 'secret' ? showKind(found) : show(found)
      expect(problems[0]?.found, what).toBe(shown)
      expect(problems[0]?.wanted, what).toMatch(/^(?!Invalid|a value$).{4,}/)
    }
  })

  const required = known.filter(({ isRequired }) => isRequired)
  test.runIf(required.length > 0)('what is missing is named by what it should be', () => {
    for (const { path } of required) {
      for (const spec of [withoutField(good, path), withField(good, path, undefined)]) {
        const problems = problemsOf(() => check(spec))
        expect(problems, path).toMatchObject([{ path: concrete(path), found: 'nothing' }])
        expect(problems[0]?.wanted, path).not.toMatch(/^(Invalid.*|a value)$/)
      }
    }
  })

  test('what nobody knows is named, all of it, and what may have been meant', () => {
    const misspelled = known.map(({ path }) => ({ path, typo: path.slice(0, -1) }))
    for (const { path, typo } of misspelled) {
      if (known.some(field => field.path === typo)) continue
      const problems = problemsOf(() => check(withField(good, typo, 5)))
      expect(problems, typo).toMatchObject([
        { path: concrete(typo), found: typo === 'secre' ? 'a number that is not shown' : '5' },
      ])
      const name = path.split('.').at(-1) ?? ''
      // As much like `behaviours` and `seeds`.
      if (name.length > 3 && !['behavioursOf', 'seedsOf'].includes(name))
        expect(problems[0]?.wanted).toBe(`no such field: did you mean "${name}"?`)
    }
    const strangers = problemsOf(() => check({ ...good, colour: 'red', shape: 'round' }))
    expect(strangers).toEqual([
      { path: 'colour', found: 'a string that is not shown', wanted: 'no such field' },
      { path: 'shape', found: 'a string that is not shown', wanted: 'no such field' },
    ])
  })

  test('everything at once is one error that names all of it', () => {
    const { spec, paths } = allWrong({ good, bad })
    const named = problemsOf(() => check(spec)).map(problem => problem.path)
    expect(named.toSorted()).toEqual(paths.toSorted())
  })

  test('what is no object at all is refused', () => {
    for (const value of [undefined, null, 5, 'x', [], () => 1]) {
      expect(problemsOf(() => check(value))).toEqual([
        { path: 'it', found: show(value), wanted: 'an object' },
      ])
    }
  })
})

test('a secret is shown nowhere, also where it is misspelled or does not belong', () => {
  const secret = 'hunter2'
  const places: unknown[] = [
    { secert: secret },
    { Secret: secret },
    { passphrase: secret },
    { secret: [secret] },
    { secret: { value: secret } },
    [{ secret }],
    { cluster: { name: 'a', secret } },
    { cluster: { name: 'a', secert: secret } },
    { discovery: { secret } },
    { labels: {}, node: { inner: [secret] } },
  ]
  for (const init of places) {
    const checked = inspect(nodeInit, init)
    expect(checked.kind, show(init)).toBe('bad')
    expect(JSON.stringify(checked)).not.toContain(secret)
  }
})

test('what cannot be looked at is a bad field like any other', () => {
  const bad: object = {
    seed: {
      get name(): string {
        throw new Error('nobody may look')
      },
    },
  }
  expect(problemsOf(() => checkSimulation(bad))).toEqual([
    { path: 'seed', found: 'an object that cannot be shown', wanted: 'a whole number or a text' },
  ])
  expect(show({ large: 1n, deep: [{ word: 'x' }] })).toBe("{ large: 1n, deep: [{ word: 'x' }] }")
})
