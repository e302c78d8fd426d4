/** An invariant of `docs/invariants.md` that does not hold; the message begins with its number. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}
