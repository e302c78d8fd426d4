// pure
/**
 * The one place where a type is taken on trust: what comes off the wire, or out of user code, is what the types of
 * the behaviour promise. Both ends are compiled from the same module, and versions keep different ones apart.
 */

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the point of it
export function promised<T>(value: unknown): T
export function promised(value: unknown): unknown {
  return value
}
