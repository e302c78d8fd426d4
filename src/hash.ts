// pure
/**
 * Hashes that are the same on every machine: MurmurHash3 (x86, 32 bit, by Austin Appleby) of the UTF-8 bytes,
 * run with two seeds for 64 bits. Integer arithmetic only, no typed-array aliasing, no `Math.log`.
 */

/** 64 bits as two unsigned 32-bit lanes. */
export interface Hash64 {
  readonly high: number
  readonly low: number
}

const SEED_LOW = 0
const SEED_HIGH = 0x9747b28c

const encoder = new TextEncoder()
/** Most ids are short and plain: they are written here, which takes a quarter of the time of an encoder. */
const scratch = new Uint8Array(256)
const ASCII_MAX = 0x7f

/** MurmurHash3_x86_32 of the first `size` of `bytes`. @returns 0 … 2^32 - 1 */
export function murmur3(bytes: Uint8Array, seed: number, size = bytes.length): number {
  const blockEnd = size & ~3
  let hash = seed | 0
  for (let at = 0; at < blockEnd; at += 4) {
    hash ^= scramble(word(bytes, at, 4))
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  hash ^= scramble(word(bytes, blockEnd, size - blockEnd))
  return avalanche(hash ^ size)
}

/** @returns 0 … 2^32 - 1 */
export function hash32(text: string): number {
  return isPlain(text) ? murmur3(scratch, SEED_LOW, text.length) : murmur3(encoder.encode(text), SEED_LOW)
}

export function hash64(text: string): Hash64 {
  const { length } = text
  if (isPlain(text)) {
    return { high: murmur3(scratch, SEED_HIGH, length), low: murmur3(scratch, SEED_LOW, length) }
  }
  const bytes = encoder.encode(text)
  return { high: murmur3(bytes, SEED_HIGH), low: murmur3(bytes, SEED_LOW) }
}

/** The rendezvous hash of a pair: uniform, and for one key independent between nodes. @returns 0 … 2^32 - 1 */
export function mix(key: Hash64, node: Hash64): number {
  return mixLanes(key.high, key.low, node.high, node.low)
}

/** `mix` of hashes whose lanes lie in arrays. Takes them signed or unsigned. */
export function mixLanes(keyHigh: number, keyLow: number, nodeHigh: number, nodeLow: number): number {
  let hash = keyLow ^ nodeLow
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = (hash ^ (keyHigh + nodeHigh)) | 0
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** 16 hexadecimal digits. */
export function toHex(hash: Hash64): string {
  return hash.high.toString(16).padStart(8, '0') + hash.low.toString(16).padStart(8, '0')
}

/** The sum of many hashes, in any order; adding one twice takes it out again. */
export class HashSum {
  #high = 0
  #low = 0
  /** As a text, which is asked for far more often than it changes. */
  #text: string | undefined

  /** Adds `hash`, or takes it out. */
  toggle(hash: Hash64): void {
    this.#high = (this.#high ^ hash.high) >>> 0
    this.#low = (this.#low ^ hash.low) >>> 0
    this.#text = undefined
  }

  /** 16 hexadecimal digits; all zero for nothing. */
  toString(): string {
    return (this.#text ??= toHex({ high: this.#high, low: this.#low }))
  }
}

/** Whether the text is short and ASCII: then its bytes are in `scratch`. */
function isPlain(text: string): boolean {
  const { length } = text
  if (length > scratch.length) return false
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index)
    if (code > ASCII_MAX) return false
    scratch[index] = code
  }
  return true
}

/** Up to four bytes from `at`, the first one lowest. */
function word(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let index = 0; index < count; index++) value |= (bytes[at + index] ?? 0) << (8 * index)
  return value
}

function scramble(block: number): number {
  const turned = Math.imul(block, 0xcc9e2d51)
  return Math.imul((turned << 15) | (turned >>> 17), 0x1b873593)
}

function avalanche(start: number): number {
  let hash = start
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
