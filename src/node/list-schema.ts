// pure
/** Checks lists: how long one is, is looked at first, as one that is made of holes may have thousands of millions. */

import * as v from 'valibot'

/** More than a node can start, and checked in a moment. */
export const LIST_LENGTH_MAX = 100_000

/** The schema of a list of what `entry` allows. `of` names them: "members". */
export function listOf<Output>(
  entry: v.GenericSchema<unknown, Output>,
  of = '',
): v.GenericSchema<unknown, Output[]> {
  const wanted = of === '' ? 'a list' : `a list of ${of}`
  return v.pipe(
    v.custom<unknown[]>(Array.isArray, wanted),
    v.check(({ length }) => length <= LIST_LENGTH_MAX, `${wanted}, ${LIST_LENGTH_MAX} at most`),
    v.array(entry, wanted),
  )
}

/** The list as it is; none where it is no list, or a longer one than there may be. */
export function boundedList(value: unknown): readonly unknown[] {
  return isList(value) && value.length <= LIST_LENGTH_MAX ? value : []
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}
