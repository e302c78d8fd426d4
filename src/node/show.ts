// pure
/** One line for a person: what somebody gave us. */

import { showValue } from './thrown-value.ts'

const SHOWN_LENGTH_MAX = 60
/** Of a longer list it is of more use to know how long it is. */
const LISTED_LENGTH_MAX = 1_000
const KINDS: ReadonlySet<unknown> = new Set(['stage', 'server', 'task'])

export function show(value: unknown): string {
  const shown = describe(value)
  return shown.length > SHOWN_LENGTH_MAX ? `${shown.slice(0, SHOWN_LENGTH_MAX)}…` : shown
}

/** Only what kind of thing it is: what somebody has written where nothing belongs may be what nobody should read. */
export function showKind(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
      return `a ${typeof value} that is not shown`
    case 'object':
      return value === null ? 'null' : describeObject(value, () => 'an object that is not shown')
    default:
      return show(value)
  }
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing'
    case 'function':
      return 'a function'
    case 'string':
      return JSON.stringify(value)
    case 'bigint':
      return `${value}n`
    case 'object':
      return value === null ? 'null' : describeObject(value, showValue)
    default:
      return String(value)
  }
}

/** `otherwise`: of plain objects and lists. */
function describeObject(value: object, otherwise: (value: object) => string): string {
  try {
    return nameOf(value) ?? otherwise(value)
  } catch {
    // It has a getter that throws.
    return 'an object that cannot be shown'
  }
}

/** What a person calls it; undefined for plain objects and lists. */
function nameOf(value: object): string | undefined {
  if (Array.isArray(value) && value.length > LISTED_LENGTH_MAX) return `a list of ${value.length}`
  const { kind, name }: { readonly kind?: unknown; readonly name?: unknown } = value
  if (typeof name === 'string' && KINDS.has(kind)) return `the ${String(kind)} "${name}"`
  if (value instanceof Error) return String(value)
  if ('~standard' in value) return 'a schema'
  const maker: unknown = Reflect.get(value, 'constructor')
  if (maker === undefined || maker === Object || maker === Array) return undefined
  return `a ${typeof maker === 'function' ? maker.name : 'strange object'}`
}
