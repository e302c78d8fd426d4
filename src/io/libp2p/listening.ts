// shell
/**
 * Where this node listens, as others can dial it. libp2p itself names a public address only once a peer has said that it has
 * seen the node there, by identify, which no node of a mesh speaks: a node with nothing but public addresses named none. And
 * it names no link-local ones, which are all that there is in a network that nobody has set up (RFC 3927).
 */

import os from 'node:os'

import type { PeerId, Startable } from '@libp2p/interface'

import { isLoopback, nearestFirst, reachable } from '../../address-scope.ts'
import type { Logger } from '../../ports.ts'

export interface ListeningComponents {
  readonly peerId: PeerId
  readonly transportManager: { readonly getAddrs: () => readonly { readonly toString: () => string }[] }
}

export interface ListeningInit {
  readonly listen: readonly string[]
  readonly logger: Logger
}

/** A machine that has just been switched on takes so long to get an address. */
const HIDDEN_AFTER_MS = 15_000

const HIDDEN =
  'no other machine can dial this node: it listens by all interfaces, and the system names none but loopback; look at the network of this machine, or name an address in `listen`'

/** A service of libp2p. */
export class Listening implements Startable {
  readonly #components: ListeningComponents
  readonly #logger: Logger
  readonly #isEverywhere: boolean
  #timer: NodeJS.Timeout | undefined

  constructor(components: ListeningComponents, { listen, logger }: ListeningInit) {
    this.#components = components
    this.#logger = logger
    this.#isEverywhere = listen.some(address => address.startsWith('/ip4/0.0.0.0/'))
  }

  start(): void {
    if (!this.#isEverywhere) return
    this.#timer = setTimeout(() => {
      const { addresses } = this
      if (addresses.every(isLoopback)) this.#logger.warn({ addresses }, HIDDEN)
    }, HIDDEN_AFTER_MS)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** As the interfaces of the machine are now, or were when the system last told. */
  get addresses(): readonly string[] {
    const { peerId } = this.#components
    return nearestFirst(reachable(this.all)).map(address => `${address}/p2p/${peerId.toString()}`)
  }

  /** Those too that lead to this machine only from itself. They do not say whose they are. */
  get all(): readonly string[] {
    const named = [...new Set(this.#components.transportManager.getAddrs().map(String))]
    const isAlone = this.#isEverywhere && named.every(isLoopback)
    return isAlone ? [...named, ...named.flatMap(linkLocal)] : named
  }
}

/** `/ip4/127.0.0.1/tcp/7000` → `/ip4/169.254.7.8/tcp/7000`, for each such address of the machine. May be empty. */
function linkLocal(loopback: string): string[] {
  const port = /^\/ip4\/[^/]+(\/tcp\/\d+)$/.exec(loopback)?.[1]
  if (port === undefined) return []
  try {
    const infos = Object.values(os.networkInterfaces()).flatMap(each => each ?? [])
    return infos.flatMap(({ address }) => (address.startsWith('169.254.') ? [`/ip4/${address}${port}`] : []))
  } catch {
    return []
  }
}
