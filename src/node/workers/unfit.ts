// pure
/** What a schema has refused, as an error on its way from the check to whoever is told. */

import { type Issue } from '../../call-errors.ts'
import { type Checked, type StandardSchema, checkBy } from './schema.ts'

export class Unfit extends Error {
  override readonly name = 'ValidationError'
  readonly issues: readonly Issue[]

  constructor(issues: readonly Issue[]) {
    super(issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; '))
    this.issues = issues
  }
}

/** Goes on with the value as the schema gives it back: at once, or when the schema is through. @throws {Unfit} */
export function whenFit(
  schema: StandardSchema | undefined,
  value: unknown,
  goOn: (value: unknown) => unknown,
): unknown {
  if (schema === undefined) return goOn(value)
  const checked = checkBy(schema, value)
  return 'then' in checked ? checked.then(later => goOn(fitOf(later))) : goOn(fitOf(checked))
}

function fitOf(checked: Checked): unknown {
  if (checked.kind === 'unfit') throw new Unfit(checked.issues)
  return checked.value
}

/** What a schema for a list of arguments has given back. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}
