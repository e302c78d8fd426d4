// pure
/** Checks what comes in by a schema of the user's: any library that speaks Standard Schema (standardschema.dev). */

import type { Issue } from '../../call-errors.ts'

/** A schema of valibot, zod, arktype and others, as far as it is used here: version 1 of the standard. */
export interface StandardSchema<out Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

/** What a schema says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** The value as the schema gives it back, or what is wrong with it. */
export type Checked =
  | { readonly kind: 'fit'; readonly value: unknown }
  | { readonly kind: 'unfit'; readonly issues: readonly Issue[] }

/** Now, or later where the schema needs its time. */
export function checkBy(schema: StandardSchema, value: unknown): Checked | Promise<Checked> {
  const result = schema['~standard'].validate(value)
  return 'then' in result ? result.then(checkedOf) : checkedOf(result)
}

/** Whether something is a schema that can be used here. */
export function isSchema(value: unknown): value is StandardSchema {
  const isHolder = (typeof value === 'object' && value !== null) || typeof value === 'function'
  if (!isHolder || !('~standard' in value)) return false
  const standard: unknown = value['~standard']
  return (
    typeof standard === 'object' &&
    standard !== null &&
    'validate' in standard &&
    typeof standard.validate === 'function'
  )
}

function checkedOf(result: SchemaResult<unknown>): Checked {
  if (result.issues === undefined) return { kind: 'fit', value: result.value }
  return {
    kind: 'unfit',
    issues: result.issues.map(({ message, path = [] }) => ({ path: path.map(segment).join(''), message })),
  }
}

/** As code would write it: `[0].name`. */
function segment(part: PropertyKey | { readonly key: PropertyKey }): string {
  const key = typeof part === 'object' ? part.key : part
  return typeof key === 'number' ? `[${key}]` : `.${String(key)}`
}
