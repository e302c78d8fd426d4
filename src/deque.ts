// pure
/** A queue on a ring buffer: push and shift in constant time, whatever its length. */

const CAPACITY_MIN = 16

/** Of all that are empty: no room, so nothing is ever put into it. */
const NO_RING: undefined[] = []

export class Deque<T> {
  // Nothing, until there is something: most mailboxes are empty most of the time.
  #ring: (T | undefined)[] = NO_RING
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    if (this.#size === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = item
    this.#size += 1
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size -= 1
    return item
  }

  /** The `index`-th from the front, 0 for the first. */
  at(index: number): T | undefined {
    return index < 0 || index >= this.#size
      ? undefined
      : this.#ring[(this.#head + index) & (this.#ring.length - 1)]
  }

  clear(): void {
    this.#ring = NO_RING
    this.#head = 0
    this.#size = 0
  }

  /** From front to back. */
  *[Symbol.iterator](): Generator<T> {
    for (let index = 0; index < this.#size; index++) {
      const item = this.at(index)
      if (item !== undefined) yield item
    }
  }

  #grow(): void {
    const capacity = Math.max(CAPACITY_MIN, this.#ring.length * 2)
    const ring: (T | undefined)[] = []
    for (let index = 0; index < capacity; index++) ring.push(this.at(index))
    this.#ring = ring
    this.#head = 0
  }
}
