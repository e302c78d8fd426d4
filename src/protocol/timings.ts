// pure
/** How patient the membership of a mesh is. All nodes of a mesh are to have the same profile. */

export interface Timings {
  /** Told to others in the hello, so that a node of another one is noticed. */
  readonly profile: Profile
  /** P: every member is probed by somebody twice in it, and a probe has so long to be answered, by whatever way. */
  readonly probePeriodMs: number
  /** An answer to a probe is expected within this time, about p99 of the round trip; then others are asked to probe. */
  readonly probeTimeoutMs: number
  /** Suspicion lasts so long where the session has closed and the port refuses, for two nodes: a process that is gone. */
  readonly suspicionFastMs: number
  /** One random peer is asked for differences every so often. */
  readonly digestPeriodMs: number
  /** So long a starting node looks for a mesh at least, before it takes itself for the first one of it. */
  readonly joinAloneMs: number
  /** So long it waits for an answer of those that it dials, and for a mesh that it has found to tell it everything. */
  readonly joinSyncMs: number
  /** The first wait before an address is dialled again; each further one is half as long again. */
  readonly redialMinMs: number
  readonly redialMaxMs: number
  /**
   * So long the rows of removed specs (the latest ones of many), and of those who have left or died, are kept. Whoever is away for longer is told
   * what it missed when it comes.
   */
  readonly tombstoneMs: number
}

/** The sets of timings to choose from. */
export const PROFILES = ['lan', 'edge', 'wan'] as const

/** `lan`: wired machines of one site; `edge`: Wi-Fi, slow processors; `wan`: several sites. */
export type Profile = (typeof PROFILES)[number]

const DAY_MS = 24 * 60 * 60 * 1000

/** For wired machines of one site. */
export const LAN_TIMINGS: Timings = {
  profile: 'lan',
  probePeriodMs: 500,
  probeTimeoutMs: 200,
  suspicionFastMs: 200,
  digestPeriodMs: 1000,
  joinAloneMs: 300,
  joinSyncMs: 2000,
  redialMinMs: 250,
  redialMaxMs: 5000,
  tombstoneMs: DAY_MS,
}

/** For Wi-Fi and slow processors: half a second of silence is nothing there. */
const EDGE_TIMINGS: Timings = {
  ...LAN_TIMINGS,
  profile: 'edge',
  probePeriodMs: 1000,
  probeTimeoutMs: 500,
  suspicionFastMs: 250,
  joinAloneMs: 600,
  joinSyncMs: 4000,
  redialMinMs: 500,
}

/** For sites that are a hundred milliseconds or more apart. */
const WAN_TIMINGS: Timings = {
  ...LAN_TIMINGS,
  profile: 'wan',
  probePeriodMs: 3000,
  probeTimeoutMs: 1500,
  suspicionFastMs: 750,
  digestPeriodMs: 2000,
  joinAloneMs: 1500,
  joinSyncMs: 10_000,
  redialMinMs: 1000,
}

export const TIMINGS: Readonly<Record<Profile, Timings>> = {
  lan: LAN_TIMINGS,
  edge: EDGE_TIMINGS,
  wan: WAN_TIMINGS,
}

/**
 * A frozen process is found silent 0.36 s (a time-out, and that of those who are asked) to 1.1 s after it froze (`lan`,
 * five nodes), and is to be out within three seconds; one that stands still for two is to live, with some time to say
 * so. That leaves 1.65 s to 1.9 s for the suspicion, when others confirm it. memberlist has 4 (`SuspicionMult`), and no such limit above.
 */
export const SUSPICION_PERIODS = 3.4
/**
 * Whoever is silent for less is dead for nobody, by what goes before a suspicion and its time; after more, it may be. In a
 * mesh of more than ten it is longer: see `silentMs`.
 */
export const SILENT_PERIODS = 4
/** memberlist's `SuspicionMaxTimeoutMult`. */
const SUSPICION_MAX_FACTOR = 6

/** How long the shortest and the longest suspicion last in a mesh of `count` nodes. */
export function suspicionRangeMs(
  timings: Pick<Timings, 'probePeriodMs'>,
  count: number,
): readonly [minMs: number, maxMs: number] {
  const minMs = SUSPICION_PERIODS * Math.max(1, log10(count)) * timings.probePeriodMs
  return [minMs, SUSPICION_MAX_FACTOR * minMs]
}

/** Whoever of a mesh of `count` nodes is silent for less is dead for nobody. */
export function silentMs(timings: Pick<Timings, 'probePeriodMs'>, count: number): number {
  const { probePeriodMs } = timings
  const [minMs] = suspicionRangeMs(timings, count)
  return minMs + (SILENT_PERIODS - SUSPICION_PERIODS) * probePeriodMs
}

const LOG10_OF_2 = 0.30103

/** The decimal logarithm of a whole number ≥ 1, to 0.03: by integers and straight lines, so that all engines agree. */
function log10(count: number): number {
  const power = 31 - Math.clz32(count)
  return LOG10_OF_2 * (power + count / 2 ** power - 1)
}
