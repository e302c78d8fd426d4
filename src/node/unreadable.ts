// pure
/** Where something of what was given throws when one looks at it: a getter, a proxy. */

import type { Problem } from '../errors.ts'
import { LIST_LENGTH_MAX } from './list-schema.ts'

/** What is deeper is no spec of ours. */
const DEPTH_MAX = 8

/** The first such place; undefined where there is none. `path` is where `value` stands. */
export function findUnreadable(value: unknown, path = ''): Problem | undefined {
  const found = keysTo(value, DEPTH_MAX)
  if (found === undefined) return undefined
  const text = found.reduce<string>(
    (before, key) =>
      typeof key === 'number' ? `${before}[${key}]` : before === '' ? key : `${before}.${key}`,
    path,
  )
  return { path: text === '' ? 'it' : text, found: 'what throws when one looks at it', wanted: 'plain data' }
}

function keysTo(value: unknown, depth: number): (string | number)[] | undefined {
  if (!isLookedInto(value) || depth === 0) return undefined
  const keys = attempt(() => keysOf(value))
  if (keys === undefined) return []
  for (const key of keys) {
    const field = attempt((): readonly [unknown] => [Reflect.get(value, key)])
    if (field === undefined) return [key]
    const below = keysTo(field[0], depth - 1)
    if (below !== undefined) return [key, ...below]
  }
  return undefined
}

/** Looks at it in all the ways that a check does. */
function keysOf(value: object): readonly (string | number)[] {
  Object.getPrototypeOf(value)
  Object.prototype.toString.call(value)
  Object.hasOwn(value, 'id')
  Reflect.has(value, 'kind')
  Reflect.get(value, 'constructor')
  const keys = Object.keys(value)
  if (!Array.isArray(value)) return keys
  return Array.from({ length: Math.min(value.length, LIST_LENGTH_MAX) }, (_, index) => index)
}

function isLookedInto(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
