/** What an `OptionsError` says, for tests of it. */

import { OptionsError, type Problem } from '../../src/errors.ts'

/** The problems that are thrown, in their order; none where nothing is. Throws what is no `OptionsError`. */
export function problemsOf(declare: () => unknown): readonly Problem[] {
  try {
    declare()
    return []
  } catch (error) {
    if (error instanceof OptionsError) return error.problems
    throw error
  }
}
