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

const NOBODY =
  'nobody else is known here who could be dialled: start the others, or give the address of one (`addresses`) in `discovery.seeds` or `discovery.peersFile`'
const NO_MULTICAST = `${NOBODY}, or leave \`discovery.mdns\` on, which is off`
const NO_ANSWER = `${NOBODY}, as multicast finds only those in the same network, with the same \`cluster\` and \`secret\``

/** Where there is nobody who could keep anything from it. */
export function nobodyKnown({ mdns }: { readonly mdns: boolean }): string {
  return mdns ? NO_ANSWER : NO_MULTICAST
}
