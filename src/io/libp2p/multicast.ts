// shell
/**
 * Nodes of the mesh in the same network, found by multicast. libp2p's own way is not used: it keeps whoever was ever
 * claimed to be there, however many, answers whoever asks however often, speaks by one interface only, and ends the
 * process where the system does not tell which there are.
 */

import type { Startable } from '@libp2p/interface'

import { type NodeId, nodeId } from '../../ids.ts'
import { NODE_ID_PATTERN, objectionTo } from '../../multiaddress.ts'
import { type Rate, RateLimit } from '../../rate-limit.ts'
import { Listening, type ListeningComponents, type ListeningInit } from './listening.ts'
import { decodeMulticast, encodeAnswer, encodeQuestion, isWorthReading } from './multicast-message.ts'
import { MulticastSockets, type Trouble } from './multicast-sockets.ts'
import { Pace } from './pace.ts'

/** So many are remembered as told: several times as many as there are nodes in a mesh. */
export const TOLD_MAX = 1_024

/** What has not changed is told again after that only: it may have been lost, or not been looked at. */
const TELL_AGAIN_MS = 60_000

/** Whoever has just come asks soon again, as its question or the answers may have been lost; then more and more seldom. */
const ASK_AGAIN_MS = 10_000
/** All answer whoever asks: of a hundred nodes, each is asked twice a second. */
const ASK_AGAIN_MAX_MS = 60_000

/** All nodes hear each answer: once a second is enough, whoever asks (RFC 6762, section 6). */
const ANSWER_EVERY_MS = 1_000

/**
 * Messages of multicast that are read, those of other programs aside; more is dropped, as it is all said again. Each of a
 * hundred nodes answers once a second at most, and the dearest that a stranger can make takes a millisecond or two.
 */
export const MULTICAST_MESSAGES: Rate = { perSecond: 200, burst: 500 }

export interface MulticastHandlers {
  /**
   * Somebody is said to be there: anybody can have said so.
   * @returns whether it is looked at: otherwise it is told again when it is said again
   */
  onFound(peer: NodeId, addresses: readonly string[]): boolean
  /** This node has failed at what somebody has said. Thrown on, it would end the process. */
  onFault(error: unknown): void
  /** Multicast does not work, or not in all networks. */
  onTrouble(trouble: Trouble): void
}

export interface MulticastInit extends MulticastHandlers, ListeningInit {}

/** A service for `createLibp2p`. @param tag what the nodes of this mesh ask for, and nobody else */
export function multicast(tag: string, init: MulticastInit): (components: ListeningComponents) => Multicast {
  return components => new Multicast(tag, components, init)
}

export class Multicast implements Startable {
  readonly #tag: string
  readonly #self: NodeId
  readonly #listening: Listening
  readonly #handlers: MulticastHandlers
  readonly #sockets: MulticastSockets
  readonly #question: Pace
  readonly #answer: Pace
  readonly #reads = new RateLimit(MULTICAST_MESSAGES, performance.now())
  #askAgainMs = ASK_AGAIN_MS
  #askAgain: NodeJS.Timeout | undefined
  /** Who was told of last comes last. */
  readonly #told = new Map<NodeId, { readonly text: string; readonly atMs: number }>()

  constructor(tag: string, components: ListeningComponents, init: MulticastInit) {
    this.#tag = tag
    this.#self = nodeId(components.peerId.toString())
    this.#listening = new Listening(components, init)
    this.#handlers = init
    this.#question = new Pace(ANSWER_EVERY_MS, () => this.#guard(() => this.#ask()))
    this.#answer = new Pace(ANSWER_EVERY_MS, () => this.#guard(() => this.#reply()))
    this.#sockets = new MulticastSockets({
      onMessage: bytes => this.#guard(() => this.#onMessage(bytes)),
      onNetwork: () => this.#onNetwork(),
      onTrouble: trouble => this.#guard(() => this.#handlers.onTrouble(trouble)),
    })
  }

  start(): void {
    this.#sockets.start()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#askAgain)
    this.#question.stop()
    this.#answer.stop()
    await this.#sockets.stop()
  }

  #onNetwork(): void {
    this.#askAgainMs = ASK_AGAIN_MS
    this.#question.want()
  }

  #ask(): void {
    this.#sockets.say(encodeQuestion(this.#tag))
    clearTimeout(this.#askAgain)
    this.#askAgain = setTimeout(() => this.#question.want(), this.#askAgainMs)
    this.#askAgainMs = Math.min(2 * this.#askAgainMs, ASK_AGAIN_MAX_MS)
  }

  #reply(): void {
    const { addresses } = this.#listening
    if (addresses.length > 0) this.#sockets.say(encodeAnswer(this.#tag, this.#self, addresses))
  }

  #onMessage(bytes: Uint8Array): void {
    if (!isWorthReading(this.#tag, bytes) || !this.#reads.take(performance.now())) return
    const message = decodeMulticast(this.#tag, bytes)
    if (message?.kind === 'question') this.#answer.want()
    else if (message?.kind === 'answer') this.#onAnswer(message.texts)
  }

  /** Whoever passes on what he has heard may put several nodes into one message, and this one among them. */
  #onAnswer(texts: readonly string[]): void {
    for (const peer of new Set(texts.map(peerOf))) {
      if (peer === undefined || peer === this.#self) continue
      this.#find(
        peer,
        texts.filter(each => peerOf(each) === peer && isPlain(each)),
      )
    }
  }

  #find(peer: NodeId, addresses: readonly string[]): void {
    if (addresses.length === 0) return
    const [text, nowMs, known] = [addresses.join(), performance.now(), this.#told.get(peer)]
    if (known?.text === text && nowMs - known.atMs < TELL_AGAIN_MS) return
    if (!this.#handlers.onFound(peer, addresses)) return
    this.#told.delete(peer)
    this.#told.set(peer, { text, atMs: nowMs })
    const [first] = this.#told.keys()
    if (this.#told.size > TOLD_MAX && first !== undefined) this.#told.delete(first)
  }

  #guard(handle: () => void): void {
    try {
      handle()
    } catch (error) {
      this.#handlers.onFault(error)
    }
  }
}

/** Whose the address says that it is. */
function peerOf(address: string): NodeId | undefined {
  const id = /\/p2p\/([^/]+)$/.exec(address)?.[1]
  return id !== undefined && NODE_ID_PATTERN.test(id) ? nodeId(id) : undefined
}

/** Whether it can be dialled as it is: names that a stranger says would keep the resolver busy, and hold up the dial. */
function isPlain(address: string): boolean {
  return /^\/ip[46]\//.test(address) && objectionTo(address) === undefined
}
