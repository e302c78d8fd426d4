// pure
/** What a spec says, whoever has declared it and whenever: to tell whether two say the same, and where they do not. */

import { hash64 } from '../../hash.ts'
import type { SpecBody } from '../../protocol/spec-row.ts'
import { renew } from './edits.ts'

/** What bodies call otherwise than users do, and what follows from the rest (undefined). */
const USERS_NAMES: Readonly<Record<string, string | undefined>> = {
  behaviour: 'run',
  isSignificant: 'significant',
  emission: undefined,
  isStopped: undefined,
  revision: undefined,
}

/** Of 53 bits, so that it is a whole number like all others. */
const LOW_BITS = 21

/** Equal for specs that say the same, on every machine. */
export function contentOf(body: SpecBody): number {
  const { high, low } = hash64(JSON.stringify(canonical(declared(body))))
  return high * 2 ** LOW_BITS + (low >>> (32 - LOW_BITS))
}

/** The fields in which two specs differ, as users name them (`members[1].args`), sorted; empty where they say the same. */
export function differences(a: SpecBody, b: SpecBody): readonly string[] {
  if (a.kind !== b.kind) return ['kind']
  return [...new Set(differing(canonical(declared(a)), canonical(declared(b)), ''))].toSorted()
}

/** The body as it was declared, whatever was done to it, and when. */
function declared(body: SpecBody): SpecBody {
  const now = renew(body, 0)
  const plain = <P extends object>(part: P): P => ({ ...part, at: undefined, place: undefined })
  if (now.kind === 'group') return { ...now, members: now.members.map(plain) }
  return now.kind === 'chain' ? { ...now, stages: now.stages.map(plain) } : now
}

function differing(a: unknown, b: unknown, path: string): string[] {
  if (a === b) return []
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return [path]
    return a.flatMap((entry, index) => differing(entry, b[index], `${path}[${index}]`))
  }
  if (!isObject(a) || !isObject(b) || Array.isArray(a) || Array.isArray(b)) return [path]
  const one: Readonly<Record<string, unknown>> = { ...a }
  const other: Readonly<Record<string, unknown>> = { ...b }
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap(name => {
    const known = Object.hasOwn(USERS_NAMES, name) ? USERS_NAMES[name] : name
    // A worker of a spec is its `child`, with the fields that users give to the worker itself.
    if (known === 'child') return differing(one[name], other[name], path)
    return known === undefined
      ? []
      : differing(one[name], other[name], path === '' ? known : `${path}.${known}`)
  })
}

/** The same for specs that say the same, in whatever order their fields have come off the wire. */
function canonical(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.join()
  if (Array.isArray(value)) return value.map(canonical)
  if (!isObject(value)) return value
  const fields = Object.entries<unknown>({ ...value })
    .filter(([, field]) => field !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(fields.map(([name, field]) => [name, canonical(field)]))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
