// pure
/**
 * Things to look at again at a given time, by key. A binary heap; entries that were moved or taken back are dropped when
 * they are met, or when they are more than those that count.
 */

interface Entry<Key> {
  readonly key: Key
  readonly dueMs: number
}

export class Deadlines<Key> {
  readonly #due = new Map<Key, number>()
  #heap: Entry<Key>[] = []

  /** How many keys have a time. */
  get size(): number {
    return this.#due.size
  }

  /** How many entries are kept for them: at most twice as many. */
  get entryCount(): number {
    return this.#heap.length
  }

  /** Sets the time of `key`, instead of any earlier one. */
  set(key: Key, dueMs: number): void {
    if (this.#due.get(key) === dueMs) return
    this.#due.set(key, dueMs)
    this.#heap.push({ key, dueMs })
    this.#rise(this.#heap.length - 1)
    this.#tidy()
  }

  clear(key: Key): void {
    if (this.#due.delete(key)) this.#tidy()
  }

  has(key: Key): boolean {
    return this.#due.has(key)
  }

  /** Infinity when there is none. */
  wakeAtMs(): number {
    return this.#top()?.dueMs ?? Infinity
  }

  /** Whose time comes first. */
  first(): Key | undefined {
    return this.#top()?.key
  }

  #top(): Entry<Key> | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#due.get(top.key) === top.dueMs) return top
      this.#dropTop()
    }
    return undefined
  }

  /** Takes out what is due, the earliest first. */
  take(nowMs: number): Key[] {
    const keys: Key[] = []
    while (this.wakeAtMs() <= nowMs) {
      const top = this.#heap[0]
      if (top === undefined) break
      this.#dropTop()
      this.#due.delete(top.key)
      keys.push(top.key)
    }
    this.#tidy()
    return keys
  }

  /**
   * What was moved or taken back would stay until its time comes, and hold its key: half a minute for each worker that
   * has started. To make the heap anew costs no more than what was done to it since the last time.
   */
  #tidy(): void {
    if (this.#heap.length <= 2 * this.#due.size) return
    this.#heap = Array.from(this.#due, ([key, dueMs]) => ({ key, dueMs }))
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at--) this.#sink(at)
  }

  #dropTop(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink(0)
  }

  #rise(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#swapIfLater(parent, at)) return
      at = parent
    }
  }

  #sink(from: number): void {
    let at = from
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      const child = this.#dueAt(right) < this.#dueAt(left) ? right : left
      if (!this.#swapIfLater(at, child)) return
      at = child
    }
  }

  #swapIfLater(upper: number, lower: number): boolean {
    const above = this.#heap[upper]
    const below = this.#heap[lower]
    if (above === undefined || below === undefined || above.dueMs <= below.dueMs) return false
    this.#heap[upper] = below
    this.#heap[lower] = above
    return true
  }

  #dueAt(index: number): number {
    return this.#heap[index]?.dueMs ?? Infinity
  }
}
