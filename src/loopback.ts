// pure
/** Addresses of the machine itself: another machine that dials one meets itself, or nobody. */

const LOOPBACK = /^\/(ip4\/127\.|ip6\/::1\/)/

export function isLoopback(address: string): boolean {
  return LOOPBACK.test(address)
}

/** Those by which other machines reach this one; where there are none, those by which it reaches itself. */
export function reachable(addresses: readonly string[]): readonly string[] {
  const others = addresses.filter(address => !isLoopback(address))
  return others.length > 0 ? others : addresses
}
