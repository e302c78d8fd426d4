// pure
/** When a supervisor restarts, how long it waits before, and when it gives up. */

import { hash32 } from '../../hash.ts'
import type { Restart } from '../../protocol/phase.ts'
import type { RestartIntensity, RestartType } from '../../protocol/spec-row.ts'

/** OTP's own example of a sensible intensity. */
export const INTENSITY_DEFAULT: RestartIntensity = { restarts: 5, withinMs: 30_000 }

const BACKOFF_BASE_MS = 100
const BACKOFF_MAX_MS = 30_000
/** After so many restarts in a row the wait grows no more: 100 ms doubled eight times is 25.6 s, and once more is over 30 s. */
const BACKOFF_STEPS = 10

/** Who has run for so long is well: its next crash is a first one again, and is not waited for. */
export const STABLE_MS = 60_000

/** Whether a worker of this type comes back after it has ended. */
export function isRestarted(type: RestartType, ended: 'normally' | 'abnormally'): boolean {
  return type === 'permanent' || (type === 'transient' && ended === 'abnormally')
}

/**
 * The restarts that still count, the new one included, oldest first, none more than a stable minute after the one
 * before. Several that are blamed on one item count once.
 */
export function countRestart(
  restarts: readonly Restart[],
  intensity: RestartIntensity,
  restart: Restart,
): readonly Restart[] {
  const { atMs, item } = restart
  const last = restarts.at(-1)
  if (last === undefined || atMs - last.atMs >= STABLE_MS) return [restart]
  const known = atMs < last.atMs ? shifted(restarts, atMs - last.atMs) : restarts
  const others = item === '' ? known : known.filter(earlier => earlier.item !== item)
  const keptMax = Math.max(intensity.restarts, BACKOFF_STEPS)
  return [...others.slice(-keptMax), restart]
}

/**
 * By a clock that shows less than the one before: that of another node, or one that was set back. How far they are apart
 * from each other stays, as far as that clock goes back; how long ago the last one was, nobody knows, so it counts as just now.
 */
function shifted(restarts: readonly Restart[], byMs: number): readonly Restart[] {
  return restarts.map(({ atMs, item }) => ({ atMs: Math.max(0, atMs + byMs), item }))
}

/** Whether there were too many of them, the last one included. */
export function isExceeded(restarts: readonly Restart[], intensity: RestartIntensity): boolean {
  const last = restarts.at(-1)
  if (last === undefined) return false
  const recent = restarts.filter(({ atMs }) => last.atMs - atMs < intensity.withinMs)
  return recent.length > intensity.restarts
}

/**
 * How long to wait before the restart: not at all before the first of a while, then anything up to 100 ms, 200 ms,
 * 400 ms … 30 s ("full jitter", AWS Architecture Blog, 2015). Drawn from `key`, so that every node draws alike.
 */
export function backoffMs(restartCount: number, key: string): number {
  if (restartCount <= 1) return 0
  const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** (restartCount - 2))
  return Math.floor((hash32(key) / 0x1_0000_0000) * ceilingMs)
}
