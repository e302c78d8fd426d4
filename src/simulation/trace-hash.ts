// pure
/** A hash of what happens, and when: cheap enough to take in every frame of a simulation. */

import { mix, toHex } from '../hash.ts'

/** Moments that differ by less are the same. */
const MOMENTS_PER_MS = 1024

const NOTHING = new Uint8Array()

export class TraceHash {
  #high = 0
  #low = 0
  #count = 0

  /** Something has happened that is described by a text, and by bytes where some have come. */
  add(nowMs: number, what: string, bytes: Uint8Array = NOTHING): void {
    const moment = Math.floor(nowMs * MOMENTS_PER_MS)
    this.#count += 1
    let high = (moment ^ this.#low) | 0
    let low = Math.imul(this.#high ^ bytes.length, FNV_PRIME)
    // FNV-1a, by Fowler, Noll and Vo, in one lane, and its mirror in the other.
    for (let index = 0; index < what.length; index++) {
      const code = what.charCodeAt(index)
      low = Math.imul(low ^ code, FNV_PRIME)
      high = Math.imul(high, MURMUR_FACTOR) ^ code
    }
    for (let index = 0; index < bytes.length; index++) low = Math.imul(low ^ (bytes[index] ?? 0), FNV_PRIME)
    const words = { high, low }
    this.#high = mix(words, { high: this.#high, low: this.#count })
    this.#low = mix({ high: low, low: high }, { high: this.#count, low: this.#low })
  }

  /** How much has happened, and 16 hexadecimal digits. */
  toString(): string {
    return `${this.#count}:${toHex({ high: this.#high, low: this.#low })}`
  }
}

const FNV_PRIME = 0x0100_0193
/** The first multiplier of MurmurHash2. */
const MURMUR_FACTOR = 0x5bd1_e995
