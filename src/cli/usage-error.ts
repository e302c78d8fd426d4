// pure
/** A command was called as nobody calls it; the message says what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
