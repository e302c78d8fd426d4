/** What holds up the code of a test, and whether it has gone on. */
export class Gate {
  readonly #gate = Promise.withResolvers<void>()
  isPassed = false

  async pass(): Promise<void> {
    await this.#gate.promise
    this.isPassed = true
  }

  open(): void {
    this.#gate.resolve()
  }
}
