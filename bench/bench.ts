/** What a benchmark is, and how its figures are judged. */

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
  /**
   * What is held against the goal: the median of the rounds, or the worst of them, where the goal is wanted each time.
   * @default 'median'
   */
  readonly judgedBy?: 'median' | 'worst'
  /** The least ratio to the baseline that is wanted, where there is one. */
  readonly goalRatio?: number
  /** What the baseline is. */
  readonly beside?: string
  readonly knownMiss?: KnownMiss
}

/** A goal that is known to be missed. It is still told of as not met, and fails the run only beyond a limit. */
export interface KnownMiss {
  readonly why: string
  /** In place of the goal. @default the goal */
  readonly limit?: number
  /** In place of the goal for the ratio. @default the goal for the ratio */
  readonly limitRatio?: number
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

/** One line of `--json`. Without a measurement all figures of it are null, the goal is not met, and the run fails. */
export interface Result {
  readonly name: string
  /** The median of the rounds. */
  readonly value: number | null
  readonly worst: number | null
  readonly unit: string
  readonly goal: number
  /** By what `judgedBy` of the figure names. */
  readonly met: boolean
  /** Whether the whole run is to end as one that failed. */
  readonly fails: boolean
  readonly baseline: number | null
  /** The median of the ratios of the rounds, as both sides of a round share its noise. */
  readonly ratio: number | null
  readonly rounds: number
}

export function resultOf(figure: Figure, measurements: readonly Measurement[]): Result {
  const { name, unit, goal, goalRatio, knownMiss } = figure
  const all = measurements.map(({ value }) => value)
  const value = median(all)
  const worst = figure.better === 'more' ? Math.min(...all) : Math.max(...all)
  const pairs = measurements.flatMap(({ value: own, baseline }) =>
    baseline === undefined ? [] : [{ ratio: own / baseline, baseline }],
  )
  const ratio = median(pairs.map(pair => pair.ratio))
  const isWithin = (limit: number, limitRatio: number | undefined): boolean => {
    if (all.length === 0) return false
    const judged = figure.judgedBy === 'worst' ? worst : value
    const isValueWithin = figure.better === 'more' ? judged >= limit : judged <= limit
    return isValueWithin && (limitRatio === undefined || ratio >= limitRatio)
  }
  return {
    name,
    value: rounded(value),
    worst: rounded(worst),
    unit,
    goal,
    met: isWithin(goal, goalRatio),
    fails: !isWithin(knownMiss?.limit ?? goal, knownMiss?.limitRatio ?? goalRatio),
    baseline: rounded(median(pairs.map(pair => pair.baseline))),
    ratio: rounded(ratio),
    rounds: measurements.length,
  }
}

/** NaN of nothing. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

/** Three digits are what a noisy machine is good for. @returns null for what was not measured */
function rounded(number: number): number | null {
  return Number.isFinite(number) ? Number(number.toPrecision(3)) : null
}
