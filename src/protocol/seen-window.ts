// pure
/** Which numbers of a sender have been seen, when they come in any order and more than once. Bounded. */

/** Numbers further behind the newest one count as seen. */
const WINDOW = 1024

export class SeenWindow {
  readonly #seen = new Set<number>()
  #newest = 0

  /** @returns whether `n` is seen for the first time */
  add(n: number): boolean {
    if (n <= this.#newest - WINDOW || this.#seen.has(n)) return false
    this.#seen.add(n)
    if (n > this.#newest) this.#newest = n
    if (this.#seen.size > 2 * WINDOW) this.#trim()
    return true
  }

  #trim(): void {
    for (const n of this.#seen) if (n <= this.#newest - WINDOW) this.#seen.delete(n)
  }
}
