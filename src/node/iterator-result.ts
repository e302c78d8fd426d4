// pure
/** What an iterator of a user says at each turn, read as `for await` reads it. */

import { show } from './show.ts'

/** Whether that was all. @throws {TypeError} when it is no result: such an iterator would never end */
export function isLast<Return>(next: IteratorResult<unknown, Return>): next is IteratorReturnResult<Return> {
  const given: unknown = next
  if ((typeof given === 'object' && given !== null) || typeof given === 'function') return Boolean(next.done)
  throw new TypeError(
    `found ${show(given)} as what next() of an iterator gives, wanted { done, value }: return what a generator would`,
  )
}
