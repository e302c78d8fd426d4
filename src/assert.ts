// pure
/** Assertions: a broken one is a bug in meshvisor, never in its user. They stay on in production. */

/** A rule of the program that does not hold. Please report it with its message. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Says that `condition` always holds here. @throws {AssertionError} when it does not */
export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new AssertionError(`bug in meshvisor: ${rule}`)
}

/** The end of a `switch` over a union: a new member does not compile until it is handled. */
export function unreachable(value: never): never {
  throw new AssertionError(`bug in meshvisor: unhandled ${JSON.stringify(value)}`)
}
