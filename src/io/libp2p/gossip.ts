// shell
/** Gossip by topic. Messages carry an id of their own, as they are not signed: gossipsub tells doubles apart by it. */

import { randomBytes } from 'node:crypto'

import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection } from '@libp2p/interface'

import type { Introduction } from './introduction.ts'

/** 8 random bytes for the node, 8 that count. */
export const MESSAGE_ID_BYTES = 16

export interface GossipServices {
  readonly pubsub: GossipSub
  readonly introduction: Introduction
}

export class Gossip {
  readonly #pubsub: GossipSub
  readonly #introduction: Introduction
  readonly #origin = randomBytes(MESSAGE_ID_BYTES / 2)
  #count = 0n

  constructor(services: GossipServices, onMessage: (topic: string, bytes: Uint8Array) => void) {
    const { pubsub, introduction } = services
    this.#pubsub = pubsub
    this.#introduction = introduction
    pubsub.addEventListener('message', ({ detail }) => {
      if (detail.data.length >= MESSAGE_ID_BYTES)
        onMessage(shortName(detail.topic), detail.data.subarray(MESSAGE_ID_BYTES))
    })
  }

  /** There is a session over the connection: its peer takes part. */
  onSession(connection: Connection): void {
    const [newest] = this.#pubsub.protocols
    // Where the connection is over by then, nothing is lost: the next one is told of too.
    if (newest !== undefined) this.#introduction.introduce(connection, newest).catch(() => {})
  }

  subscribe(topic: string): void {
    this.#pubsub.subscribe(fullName(topic))
  }

  unsubscribe(topic: string): void {
    this.#pubsub.unsubscribe(fullName(topic))
  }

  publish(topic: string, bytes: Uint8Array): void {
    const message = Buffer.alloc(MESSAGE_ID_BYTES + bytes.length)
    this.#origin.copy(message)
    this.#count += 1n
    message.writeBigUInt64LE(this.#count, MESSAGE_ID_BYTES / 2)
    message.set(bytes, MESSAGE_ID_BYTES)
    // A hint that cannot be sent is a lost hint: whatever it says, rows say too.
    this.#pubsub.publish(fullName(topic), message).catch(() => {})
  }
}

const PREFIX = '/meshvisor/1/'

function fullName(topic: string): string {
  return PREFIX + topic
}

function shortName(topic: string): string {
  return topic.startsWith(PREFIX) ? topic.slice(PREFIX.length) : topic
}
