// pure
/**
 * The way round a link that is missing: what one member has to tell another with which it has no session goes by way of
 * a third that reaches both, or of three in a row. Nothing is lost by a way that leads nowhere but time: whoever asks
 * and gets no answer asks again, by another way, and rows come by anti-entropy.
 */

import type { NodeId, SlotId } from '../ids.ts'
import { RELAYED } from '../protocol/limits.ts'
import { RateLimit } from '../rate-limit.ts'
import type { Membership } from '../protocol/membership.ts'
import {
  type CarriedMessage,
  type Message,
  NO_ROWS,
  RELAY_HOPS_MAX,
  type Rows,
} from '../protocol/messages.ts'
import { inFrames, isEmpty } from '../protocol/rows.ts'

type RelayMessage = Message & { readonly kind: 'relay' }

/** So many ways, and so many who have asked round, are remembered: whoever is not, is answered at random, or directly. */
export const REMEMBERED_MAX = 1024

export interface RelayInit {
  readonly self: NodeId
  readonly nowMs: number
  readonly membership: Pick<Membership, 'isConnected' | 'isPresent' | 'present' | 'reachedBy'>
  /** Those that this node reaches who do not say that they cannot reach a member; all of them where each says so. */
  readonly helpersFor: (target: NodeId) => readonly NodeId[]
  readonly send: (to: NodeId, message: Message) => void
}

export class Relay {
  readonly #init: RelayInit
  /** By way of whom something has last come from a member: what is answered, goes back that way. */
  readonly #ways = new Map<NodeId, NodeId>()
  /** Who has asked round for a worker though there is a session: that has been silent, so the answer takes both ways. */
  readonly #doubters = new Map<SlotId, NodeId>()
  readonly #limit: RateLimit
  /** Whoever asks again tries the next one. */
  #turn = 0

  constructor(init: RelayInit) {
    this.#init = init
    this.#limit = new RateLimit(RELAYED, init.nowMs)
  }

  /**
   * Sends it directly, where there is a session, or round. `again`: round in any case, as it takes some seconds to see
   * that a session is over when nothing comes of it any more.
   */
  send(to: NodeId, message: CarriedMessage, again?: 'again'): void {
    const { self: from, membership } = this.#init
    const isConnected = membership.isConnected(to)
    if (isConnected) this.#init.send(to, message)
    if (isConnected && again === undefined && !this.#isDoubted(to, message)) return undefined
    this.#pass({ kind: 'relay', from, to, hops: RELAY_HOPS_MAX, message })
    if (message.kind !== 'handoff-ask') return undefined
    // The way is right that an answer comes by.
    this.#ways.delete(to)
    this.#turn += 1
    return undefined
  }

  /** Tells those who are cut off from this node, and not from others, where things run, as far as this node has written it. */
  tell({ claims, phases }: Rows): void {
    const news: Rows = { ...NO_ROWS, claims, phases }
    if (isEmpty(news)) return
    const { membership } = this.#init
    const cutOff = membership.present().filter(({ id }) => membership.reachedBy(id).length > 0)
    if (cutOff.length === 0) return
    for (const rows of inFrames(news)) for (const { id } of cutOff) this.send(id, { kind: 'rows', rows })
  }

  /** A peer has sent something that may be for somebody else. @returns what is for this node */
  take(relay: RelayMessage, peer: NodeId, nowMs: number): CarriedMessage | undefined {
    const { from, to } = relay
    const { self, membership } = this.#init
    if (from === self) return undefined
    if (membership.isPresent(from)) remember(this.#ways, from, peer)
    if (to === self) {
      const { message } = relay
      if (message.kind === 'handoff-ask' && membership.isConnected(from))
        remember(this.#doubters, message.slot, from)
      return message
    }
    if (!this.#limit.take(nowMs)) return undefined
    if (membership.isConnected(to)) this.#init.send(to, relay)
    else if (relay.hops > 0) this.#pass({ ...relay, hops: relay.hops - 1 }, peer)
    return undefined
  }

  /** How much is remembered of others. */
  get size(): number {
    return this.#ways.size + this.#doubters.size
  }

  /** Whether it is an answer to somebody who has asked round. */
  #isDoubted(to: NodeId, message: CarriedMessage): boolean {
    const isAnswer = message.kind === 'handoff-refuse' || message.kind === 'handoff-state'
    if (!isAnswer || this.#doubters.get(message.slot) !== to) return false
    const isLast = message.kind === 'handoff-refuse' || message.index === message.count - 1
    if (isLast) this.#doubters.delete(message.slot)
    return true
  }

  /** `except`: who has sent it here. */
  #pass(relay: RelayMessage, except?: NodeId): void {
    const { from, to } = relay
    const { membership, helpersFor } = this.#init
    const helpers = helpersFor(to).filter(id => id !== except && id !== from)
    const known = this.#ways.get(to)
    const isKnown = known !== undefined && known !== except && membership.isConnected(known)
    const way = isKnown ? known : helpers[this.#turn % helpers.length]
    if (way !== undefined) this.#init.send(way, relay)
  }
}

/** The latest comes last, the oldest goes. */
function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > REMEMBERED_MAX && oldest !== undefined) map.delete(oldest)
}
