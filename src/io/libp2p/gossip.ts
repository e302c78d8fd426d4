// shell
/** Gossip by topic. Messages carry an id of their own, as they are not signed: gossipsub tells doubles apart by it. */

import { randomBytes } from 'node:crypto'

import type { GossipSub } from '@libp2p/gossipsub'

/** 8 random bytes for the node, 8 that count. */
export const MESSAGE_ID_BYTES = 16

export class Gossip {
  readonly #pubsub: GossipSub
  readonly #origin = randomBytes(MESSAGE_ID_BYTES / 2)
  #count = 0n

  constructor(pubsub: GossipSub, onMessage: (topic: string, bytes: Uint8Array) => void) {
    this.#pubsub = pubsub
    pubsub.addEventListener('message', ({ detail }) => {
      if (detail.data.length >= MESSAGE_ID_BYTES)
        onMessage(shortName(detail.topic), detail.data.subarray(MESSAGE_ID_BYTES))
    })
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
