// pure
/** From where addresses lead to this machine: from itself, from its own network, from everywhere. */

const LOOPBACK = /^\/(ip4\/127\.|ip6\/::1\/)/

/** RFC 1918, 6598, 3927, 4193 and 4291. */
const PRIVATE =
  /^\/(ip4\/(10|192\.168|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])|169\.254)\.|ip6\/(f[cd]|fe[89ab]))/i

/** Another machine that dials one of these meets itself, or nobody. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.test(address)
}

export function isIpv6(address: string): boolean {
  return address.startsWith('/ip6/')
}

/** Those by which other machines reach this one; where there are none, those by which it reaches itself. */
export function reachable(addresses: readonly string[]): readonly string[] {
  const others = addresses.filter(address => !isLoopback(address))
  return others.length > 0 ? others : addresses
}

/** As they are to be dialled: those of its own network first, as a firewall may keep silent before the others. */
export function nearestFirst(addresses: readonly string[]): readonly string[] {
  return addresses.toSorted((a, b) => Number(PRIVATE.test(b)) - Number(PRIVATE.test(a)))
}
