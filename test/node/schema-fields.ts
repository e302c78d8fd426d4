/** What fields a schema knows, to hold tests and docs against it: so they cannot forget one. */

import * as v from 'valibot'

export interface Field {
  /** `members[].placement.near`. */
  readonly path: string
  readonly isRequired: boolean
  /** What is taken where it is left out. */
  readonly default: unknown
  /** What an error says of a value that is of no use. */
  readonly wanted: string
}

/** All fields of an object that valibot checks, in their order, those of its parts behind it. */
export function fieldsOf(schema: unknown, below = ''): Field[] {
  const entries = get(schema, 'entries')
  if (typeof entries === 'object' && entries !== null) {
    return Object.entries<v.GenericSchema>({ ...entries }).flatMap(([name, entry]) => {
      const path = `${below}${name}`
      const isRequired = get(entry, 'type') !== 'optional'
      const wanted = v.safeParse(entry, Symbol('nothing')).issues?.[0].message ?? ''
      return [{ path, isRequired, default: get(entry, 'default'), wanted }, ...fieldsOf(entry, `${path}.`)]
    })
  }
  const pipe = get(schema, 'pipe')
  if (Array.isArray(pipe)) {
    // The first of a pipe is the pipe itself, as far as valibot can: it must not be walked twice.
    return pipe.flatMap(each => (get(each, 'pipe') === pipe ? [] : fieldsOf(each, below)))
  }
  const wrapped = get(schema, 'wrapped')
  if (wrapped !== undefined) return fieldsOf(wrapped, below)
  const item = get(schema, 'item')
  return item === undefined ? [] : fieldsOf(item, `${below.slice(0, -1)}[].`)
}

function get(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
