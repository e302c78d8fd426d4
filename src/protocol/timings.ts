// pure
/** How patient the membership of a mesh is. All nodes of a mesh use the same profile. */

export interface Timings {
  /** One member is probed every so often. */
  readonly probePeriodMs: number
  /** An answer to a probe is expected within this time: about p99 of the round trip. */
  readonly probeTimeoutMs: number
  /** So long a suspect may refute before it is declared dead. */
  readonly suspicionMs: number
  /** The same where the session has closed and the peer's port refuses: a process that is gone. */
  readonly suspicionFastMs: number
  /** One random peer is asked for differences every so often. */
  readonly digestPeriodMs: number
  /** So long a starting node looks for a mesh before it takes itself for the first one of it. */
  readonly joinAloneMs: number
  /** So long it waits for a mesh that it has found to tell it everything. */
  readonly joinSyncMs: number
  /** The first wait before an address is dialled again; each further one is half as long again. */
  readonly redialMinMs: number
  readonly redialMaxMs: number
  /** So long the rows of removed specs are kept: whoever is away for longer is told what it missed when it comes. */
  readonly tombstoneMs: number
}

/** For wired machines of one site. */
export const LAN_TIMINGS: Timings = {
  probePeriodMs: 500,
  probeTimeoutMs: 200,
  suspicionMs: 2000,
  suspicionFastMs: 200,
  digestPeriodMs: 1000,
  joinAloneMs: 300,
  joinSyncMs: 2000,
  redialMinMs: 250,
  redialMaxMs: 5000,
  tombstoneMs: 24 * 60 * 60 * 1000,
}
