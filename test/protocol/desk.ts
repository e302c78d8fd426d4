/** Contacts by themselves, for tests of whom they dial. */

import { nodeId } from '../../src/ids.ts'
import { Prng } from '../../src/prng.ts'
import { Contacts } from '../../src/protocol/contacts.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'

export const DESK_ID = nodeId('m')

/** Contacts of a node, and what is dialled when. */
export class Desk {
  readonly contacts: Contacts
  nowMs = 0

  constructor(addresses: readonly string[] = ['/sim/here']) {
    this.contacts = new Contacts({ id: DESK_ID, addresses }, LAN_TIMINGS, new Prng(1))
  }

  /** What is dialled until then, in this order. */
  until(untilMs: number, onDial: (key: string, nowMs: number) => void = () => {}): string[] {
    const keys: string[] = []
    for (; this.contacts.wakeAtMs() <= untilMs; this.nowMs = Math.max(this.nowMs, this.contacts.wakeAtMs())) {
      this.nowMs = Math.max(this.nowMs, this.contacts.wakeAtMs())
      for (const { key } of this.contacts.take(this.nowMs)) {
        keys.push(key)
        onDial(key, this.nowMs)
      }
    }
    this.nowMs = untilMs
    return keys
  }
}
