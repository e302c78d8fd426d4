// pure
/** Seeded randomness: the only source of it in the core, so that a seed replays a whole mesh. */

import { assert } from './assert.ts'

/**
 * A small fast generator (sfc32, by Chris Doty-Humphrey, from PractRand).
 * Not for secrets. Equal seeds give equal sequences on every platform.
 */
export class Prng {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number | string) {
    const text = String(seed)
    this.#a = fold(text, 0x9e3779b9)
    this.#b = fold(text, 0x243f6a88)
    this.#c = fold(text, 0xb7e15162)
    // The first outputs of close seeds resemble each other; a dozen rounds part them.
    for (let round = 0; round < 12; round++) this.uint32()
  }

  /** An own generator for `name`: what it draws does not depend on how much the others have drawn. */
  fork(name: string): Prng {
    return new Prng(`${this.#a}.${this.#b}.${this.#c}.${this.#counter}/${name}`)
  }

  /** 0 … 2^32 - 1 */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** 0 ≤ x < 1 */
  float(): number {
    return this.uint32() / 0x1_0000_0000
  }

  /** Whole number, 0 ≤ x < `end` */
  below(end: number): number {
    assert(end > 0, `a random number below ${end} does not exist`)
    return Math.floor(this.float() * end)
  }

  /** min ≤ x < max */
  between(min: number, max: number): number {
    return min + this.float() * (max - min)
  }

  chance(probability: number): boolean {
    return this.float() < probability
  }

  /** @throws {AssertionError} when `items` is empty */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    assert(item !== undefined, 'picked from a list with holes')
    return item
  }

  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const copy = [...items]
    for (let end = copy.length; end > 1; end--) {
      const index = this.below(end)
      copy.push(...copy.splice(index, 1))
    }
    return copy
  }
}

function fold(text: string, start: number): number {
  let hash = start
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
    hash ^= hash >>> 15
  }
  return hash | 0
}
