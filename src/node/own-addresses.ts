// shell
/**
 * Where this node says that it listens. That changes while it runs: after a power cut, machines are up before their
 * router is, and know of no address but that of loopback.
 */

import type { Clock, Transport } from '../ports.ts'
import { isLoopback } from '../address-scope.ts'
import { ADDRESSES_MAX } from '../protocol/member-row.ts'

/** So often the interfaces of the machine are looked at. */
const LOOK_EVERY_MS = 5_000

export class OwnAddresses {
  readonly #transport: Pick<Transport, 'addresses'>
  readonly #clock: Clock
  #told: readonly string[]
  #lookMs: number

  constructor(transport: Pick<Transport, 'addresses'>, clock: Clock) {
    this.#transport = transport
    this.#clock = clock
    this.#told = this.#look() ?? []
    this.#lookMs = clock.nowMs() + LOOK_EVERY_MS
  }

  /** For the row: `ADDRESSES_MAX` at most, those that the transport names first. */
  get told(): readonly string[] {
    return this.#told
  }

  /** @returns what is to be told in place of what was; undefined: it is the same, in whatever order, or it is too early */
  takeChange(): readonly string[] | undefined {
    const nowMs = this.#clock.nowMs()
    if (nowMs < this.#lookMs) return undefined
    this.#lookMs = nowMs + LOOK_EVERY_MS
    const found = this.#look()
    if (found === undefined || found.toSorted().join() === this.#told.toSorted().join()) return undefined
    // An interface that is away for a moment: nobody would reach the node by what is left of it, and it may be back at once.
    if (found.every(isLoopback) && !this.#told.every(isLoopback)) return undefined
    this.#told = found
    return found
  }

  /** @returns undefined when the system does not say, as when there are no more files to be opened: the next look may tell */
  #look(): readonly string[] | undefined {
    try {
      return this.#transport.addresses.slice(0, ADDRESSES_MAX)
    } catch {
      return undefined
    }
  }
}
