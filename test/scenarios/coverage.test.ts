/** Every line of the scenarios has a test whose name begins with its number. */

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

import { LINES } from './lines.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** `test('14, 16–18: …'` and `test.each(…)('14: …'`: what stands before the colon. */
const NUMBERED = /\btest(?:\.each\([^]*?\))?\(\s*['"`]([\d ,–-]+):/g

/** Line → files with a test of it. */
function tested(): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>()
  for (const file of readdirSync(folder).filter(name => name.endsWith('.test.ts'))) {
    for (const [, numbers = ''] of readFileSync(join(folder, file), 'utf8').matchAll(NUMBERED)) {
      for (const line of expand(numbers)) found.set(line, (found.get(line) ?? new Set()).add(file))
    }
  }
  return found
}

/** `14, 16–18` → 14, 16, 17, 18. */
function expand(numbers: string): number[] {
  return numbers.split(',').flatMap(part => {
    const [first = Number.NaN, last = first] = part.split(/[–-]/).map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

test('every line has a test', () => {
  const found = tested()
  expect(found.size).toBeGreaterThan(0)
  expect(Object.entries(LINES).filter(([line]) => !found.has(Number(line)))).toEqual([])
})

test('no test is for a line that does not exist', () => {
  expect([...tested().keys()].filter(line => LINES[line] === undefined)).toEqual([])
})
