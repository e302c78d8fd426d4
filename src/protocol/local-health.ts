// pure
/**
 * How well this node itself is, as far as it can tell (Lifeguard: Dadgar, Phillips, Currey, 2018): a node that is late
 * itself must not call others dead for being late. The worse it is, the more time it gives them.
 */

/** The worst that a node can be. */
export const HEALTH_SCORE_MAX = 8

/** From here on others do not count what a node says against somebody. */
const UNTRUSTED_SCORE = 4

/** From here on a node accuses nobody any more who has not been silent for very long (`Prober.mayJudge`). */
const DEGRADED_SCORE = 6

/**
 * After so many periods without being late, a node is a little better, also where nobody answers any more who could tell it
 * so: whoever was unwell when all others died would otherwise never say that they have.
 */
const REST_PERIODS = 4

/** Whether what a node of this score says against others counts. */
export function isTrusted(score: number): boolean {
  return score < UNTRUSTED_SCORE
}

export class LocalHealth {
  #score = 0
  #wasDegraded = false
  /** When it was late last, or has got better by rest. */
  #restedMs = 0

  /** 0, well, … 8. */
  get score(): number {
    return this.#score
  }

  /** What periods and time-outs are multiplied by. */
  get factor(): number {
    return this.#score + 1
  }

  get isDegraded(): boolean {
    return this.#score >= DEGRADED_SCORE
  }

  /** Whether it is degraded, and was not when this was asked last. */
  takeDegraded(): boolean {
    const wasDegraded = this.#wasDegraded
    this.#wasDegraded = this.isDegraded
    return this.isDegraded && !wasDegraded
  }

  /** Something went wrong that is likely this node's own fault. */
  raise(): void {
    this.#score = Math.min(HEALTH_SCORE_MAX, this.#score + 1)
  }

  /** Something went as it should. */
  lower(): void {
    this.#score = Math.max(0, this.#score - 1)
  }

  /** It was late just now. */
  disturb(nowMs: number): void {
    this.raise()
    this.#restedMs = nowMs
  }

  /** It was not late just now. */
  rest(nowMs: number, probePeriodMs: number): void {
    if (nowMs - this.#restedMs < REST_PERIODS * probePeriodMs) return
    this.#restedMs = nowMs
    this.lower()
  }
}
