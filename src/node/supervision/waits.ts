// pure
/** What a coordinator waits for, by name, and until when: a wait begins when it is first asked for. */

export class Waits {
  /** The waits that were asked for: those that nobody asks for any more are forgotten. */
  readonly used = new Map<string, number>()
  readonly #before: ReadonlyMap<string, number>
  readonly #nowMs: number
  /** When the first of them is over; Infinity when none is waited for. */
  nextMs = Infinity

  constructor(before: ReadonlyMap<string, number> | undefined, nowMs: number) {
    this.#before = before ?? new Map()
    this.#nowMs = nowMs
  }

  /** Whether the wait of that name is over; `lengthMs` says how long it is from now on. */
  isOver(name: string, lengthMs: (nowMs: number) => number): boolean {
    const untilMs = this.#before.get(name) ?? this.#nowMs + lengthMs(this.#nowMs)
    this.used.set(name, untilMs)
    if (untilMs <= this.#nowMs) return true
    this.nextMs = Math.min(this.nextMs, untilMs)
    return false
  }
}
