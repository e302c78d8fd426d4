// pure
/** Addresses that a node can be reached at: TCP, at an IP address or a name. What is wrong with those that are none. */

/** What is wanted where somebody writes an address. */
export const ADDRESS_WANTED = 'a multiaddress such as /ip4/192.168.0.7/tcp/7000'

/** The id of a node, as it is written: of an Ed25519 key, as all nodes have. */
export const NODE_ID_PATTERN = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/

const PORT_MAX = 65_535
/** RFC 1035, section 2.3.4. */
const NAME_LENGTH_MAX = 253
const LABEL = /^[^\s/%]{1,63}$/
const IP6_GROUPS = 8

const HOSTS: ReadonlyMap<string, readonly [isGood: (host: string) => boolean, wanted: string]> = new Map([
  ['ip4', [isIp4, 'an IPv4 address']],
  ['ip6', [isIp6, 'an IPv6 address']],
  ['dns', [isName, 'a name']],
  ['dns4', [isName, 'a name']],
  ['dns6', [isName, 'a name']],
])

/**
 * Whether anybody could ever be reached at the address by TCP. It says nothing of who listens there, or whether there
 * is such a name: that may come.
 * @returns what is wanted in its place; undefined: it is good
 */
export function objectionTo(address: string): string | undefined {
  const [start, kind = '', host = '', tcp, port, ...rest] = address
    .replace(ZONE, '')
    .replace(/\/$/, '')
    .split('/')
  if (start !== '' || kind === '') return ADDRESS_WANTED
  // Its record says where; what follows a host is in that.
  if (kind === 'dnsaddr' && isName(host)) return undefined
  const rule = HOSTS.get(kind)
  if (rule === undefined) return `${ADDRESS_WANTED}: it begins with /ip4, /ip6, /dns, /dns4 or /dns6`
  const [isGood, wanted] = rule
  if (!isGood(host)) return `${wanted} after /${kind}`
  if (tcp !== 'tcp') return `${ADDRESS_WANTED}: after the host come /tcp and a port`
  if (port === undefined || !isPort(port)) return `a port from 1 to ${PORT_MAX} after /tcp`
  return objectionToRest(rest)
}

/** `/ip6zone/eth0/ip6/fe80::1`: by which interface. */
const ZONE = /^\/ip6zone\/[^/]+(?=\/ip6\/)/

/** Where it leads, whoever is there: `/ip4/…/tcp/7000` of `/ip4/…/tcp/7000/p2p/<id>`. Rows name who listens, seeds need not. */
export function bareAddress(address: string): string {
  return address.replace(/\/p2p\/[^/]+$/, '')
}

function objectionToRest([kind, id, ...more]: readonly string[]): string | undefined {
  if (kind === undefined) return undefined
  if (kind !== 'p2p' || more.length > 0) return 'nothing after the port, or /p2p and the id of a node'
  return id !== undefined && NODE_ID_PATTERN.test(id) ? undefined : 'a node id such as 12D3KooW… after /p2p'
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= PORT_MAX
}

function isName(text: string): boolean {
  // A point at the end says that the name is complete.
  return (
    text.length <= NAME_LENGTH_MAX &&
    text
      .replace(/\.$/, '')
      .split('.')
      .every(label => LABEL.test(label))
  )
}

function isIp4(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every(part => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
}

function isIp6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.flatMap(half => (half === '' ? [] : half.split(':')))
  const last = groups.at(-1) ?? ''
  const isMixed = last.includes('.')
  if (isMixed && (!isIp4(last) || text.endsWith('::'))) return false
  const isHex = groups.slice(0, isMixed ? -1 : undefined).every(group => /^[\da-f]{1,4}$/i.test(group))
  const count = groups.length + (isMixed ? 1 : 0)
  return isHex && (halves.length === 2 ? count < IP6_GROUPS : count === IP6_GROUPS)
}
