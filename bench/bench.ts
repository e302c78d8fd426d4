/** What a benchmark is, and how its figures are printed. */

/** One figure of one round. `baseline`: the same job done by the least that could do it, in the same round. */
export interface Measurement {
  readonly value: number
  readonly baseline?: number
}

export interface Figure {
  /** As in the table of figures to reach. */
  readonly name: string
  readonly unit: string
  readonly goal: number
  readonly better: 'more' | 'less'
  /** The least ratio to the baseline that is wanted, where there is one. */
  readonly goalRatio?: number
  /** What the baseline is. */
  readonly beside?: string
}

export interface Bench {
  /** The figures that one run measures, in the order of its results. */
  readonly figures: readonly Figure[]
  /** @default 5 */
  readonly rounds?: number
  /** Starts what is measured. */
  start(): Promise<Rig>
}

export interface Rig {
  /** Measures once: a measurement for each figure. */
  round(): Promise<readonly Measurement[]>
  stop(): Promise<void>
}

/** One line of `--json`. */
export interface Result {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly goal: number
  readonly met: boolean
  readonly baseline: number | null
  readonly ratio: number | null
  readonly rounds: number
}

/** The median of the rounds; the ratio is the median of the ratios of the rounds, as both sides share their noise. */
export function resultOf(figure: Figure, measurements: readonly Measurement[]): Result {
  const value = median(measurements.map(measurement => measurement.value))
  const pairs = measurements.flatMap(({ value: own, baseline }) =>
    baseline === undefined ? [] : [[own, baseline]],
  )
  const baseline = pairs.length === 0 ? null : median(pairs.map(pair => pair[1] ?? Number.NaN))
  const ratio =
    pairs.length === 0 ? null : median(pairs.map(([own = Number.NaN, other = Number.NaN]) => own / other))
  const isValueMet = figure.better === 'more' ? value >= figure.goal : value <= figure.goal
  const isRatioMet = figure.goalRatio === undefined || (ratio !== null && ratio >= figure.goalRatio)
  const { name, unit, goal } = figure
  return {
    name,
    value: rounded(value),
    unit,
    goal,
    met: isValueMet && isRatioMet,
    baseline: baseline === null ? null : rounded(baseline),
    ratio: ratio === null ? null : rounded(ratio),
    rounds: measurements.length,
  }
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

/** Three digits are what a noisy machine is good for. */
function rounded(number: number): number {
  return Number(number.toPrecision(3))
}
