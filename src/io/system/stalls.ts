// shell
/** Notices when the event loop of this process has been held up: a timer that comes late says so. */

import type { Cancel } from '../../ports.ts'

const LOOK_MS = 200

/** A loop that computed for at least this part of the time was held up by code, otherwise by the machine. */
const BUSY_SHARE = 0.5

/** Tells of every time that the event loop was held up for longer than `limitMs`. See `Machine.onStall`. */
export function onStall(
  limitMs: number,
  listener: (stall: { readonly durationMs: number; readonly isBusy: boolean }) => void,
): Cancel {
  let lookedMs = performance.now()
  let usedMs = cpuMs()
  const timer = setInterval(() => {
    const [nowMs, nowUsedMs] = [performance.now(), cpuMs()]
    const durationMs = nowMs - lookedMs - LOOK_MS
    const isBusy = nowUsedMs - usedMs > BUSY_SHARE * durationMs
    lookedMs = nowMs
    usedMs = nowUsedMs
    if (durationMs > limitMs) listener({ durationMs, isBusy })
  }, LOOK_MS).unref()
  return () => clearInterval(timer)
}

/** Of this thread, so that others do not count. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
