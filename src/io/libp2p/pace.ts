// shell
/** Something that is done when it is wanted, and then not again for a while: at the end of that once, however often it was wanted. */

export class Pace {
  readonly #everyMs: number
  readonly #action: () => void
  #timer: NodeJS.Timeout | undefined
  #isWanted = false
  #isOver = false

  constructor(everyMs: number, action: () => void) {
    this.#everyMs = everyMs
    this.#action = action
  }

  want(): void {
    if (this.#isOver) return
    this.#isWanted = true
    if (this.#timer === undefined) this.#run()
  }

  stop(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
  }

  #run(): void {
    this.#timer = undefined
    if (!this.#isWanted) return
    this.#isWanted = false
    this.#timer = setTimeout(() => this.#run(), this.#everyMs)
    this.#action()
  }
}
