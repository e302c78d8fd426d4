// pure
/** What keeps a node from those whom it looks for, for people: a line for each address. */

/** What is wrong with somebody who listens there. */
export interface Obstacle {
  /** Or who it is, where it was not dialled. */
  readonly address: string
  readonly reason: string
}

/** `address: reason; another one`, in the order in which the addresses come first: each once, with all that is said of it. */
export function linesOf(obstacles: readonly Obstacle[]): string[] {
  const reasons = new Map<string, Set<string>>()
  for (const { address, reason } of obstacles) {
    const known = reasons.get(address) ?? new Set()
    reasons.set(address, known.add(reason))
  }
  return Array.from(reasons, ([address, found]) => `${address}: ${[...found].join('; ')}`)
}
