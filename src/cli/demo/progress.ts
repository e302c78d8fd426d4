// shell
/** How far the demo is: a bar that moves on a terminal, a line now and then elsewhere. */

import { counted } from './counted.ts'

const WIDTH = 30
const LINES = 10
const REDRAW_MS = 100

export class Progress {
  readonly #total: number
  readonly #isTerminal = process.stdout.isTTY
  #lastMs = 0
  #lastTenth = 0

  constructor(total: number) {
    this.#total = total
  }

  update(done: number, rate: number): void {
    const share = done / this.#total
    if (this.#isTerminal) {
      const nowMs = performance.now()
      if (nowMs - this.#lastMs < REDRAW_MS && done < this.#total) return
      this.#lastMs = nowMs
      process.stdout.write(
        `\r${this.#bar(share)} ${done}/${counted(this.#total, 'file')}, ${Math.round(rate)}/s `,
      )
      return
    }
    const tenth = Math.floor(share * LINES)
    if (tenth === this.#lastTenth) return
    this.#lastTenth = tenth
    console.log(`  ${this.#bar(share)} ${done}/${counted(this.#total, 'file')}, ${Math.round(rate)}/s`)
  }

  /** Says something in the middle of it. */
  say(line: string): void {
    if (this.#isTerminal) process.stdout.write('\r\u001B[K')
    console.log(`  ${line}`)
  }

  end(): void {
    if (this.#isTerminal) process.stdout.write('\n')
  }

  #bar(share: number): string {
    const full = Math.round(share * WIDTH)
    return `[${'█'.repeat(full)}${'·'.repeat(WIDTH - full)}]`
  }
}
