// pure
/**
 * When a mesh that forms is quiet enough for the sessions that can wait. A member that others have told of is seen
 * already; whoever comes next needs one session to be seen by all, and should not wait for the processors that hundreds
 * of other sessions take. So those others are opened when nobody has come for a while, and one after the other.
 */

/** Nobody comes any more when nobody has for so long for each member known; in a LAN, they come faster. */
const MEMBER_MS = 10

/** Whoever comes takes as long for it as this node has taken for its last session, where processors are short: up to so long. */
const QUIET_MAX_MS = 1_000

/** However many keep coming, it does not last longer. */
const LULL_MAX_MS = 10_000

/** A timer that is later than this says that the node was held up, and has not heard yet who came meanwhile. */
const LATE_MS = 50

/** Then it listens for so long. */
const LISTEN_MS = 100

/** A dial without an outcome keeps others from theirs for so long. */
export const DIAL_PATIENCE_MS = 1_000

export class Lull {
  #sinceMs = -Infinity
  #quietMs = -Infinity
  #idleMs = -Infinity
  #sessionMs = 0
  #endedMs = -Infinity

  /** When it has ended; Infinity: it has not yet. */
  get endedMs(): number {
    return this.#endedMs
  }

  /** When to call `tick`; Infinity when it has ended. */
  wakeAtMs(): number {
    return this.#endedMs === Infinity ? Math.max(this.#quietMs, this.#idleMs) : Infinity
  }

  /** Others have told of a member; `count`: whom this node knows. */
  onMember(count: number, nowMs: number): void {
    this.#open(nowMs)
    const waitMs = Math.min(QUIET_MAX_MS, Math.max(count * MEMBER_MS, this.#sessionMs))
    this.#quietMs = Math.min(nowMs + waitMs, this.#sinceMs + LULL_MAX_MS)
  }

  /** One of the sessions that can wait is dialled. */
  onDial(nowMs: number): void {
    this.#open(nowMs)
    this.#idleMs = nowMs + DIAL_PATIENCE_MS
  }

  /** A session was opened. The next one follows after a pause of the same length. */
  onSession(durationMs: number, nowMs: number): void {
    this.#open(nowMs)
    this.#sessionMs = durationMs
    this.#idleMs = nowMs + Math.min(QUIET_MAX_MS, durationMs)
  }

  onDialFailed(): void {
    this.#idleMs = -Infinity
  }

  /** A session has ended: it may have been the only way to the others. */
  onPeerDown(): void {
    this.#quietMs = -Infinity
    this.#idleMs = -Infinity
  }

  /** Looks whether it has ended. */
  tick(nowMs: number): void {
    const lateMs = nowMs - this.wakeAtMs()
    if (lateMs < 0) return
    if (lateMs > LATE_MS && lateMs !== Infinity && nowMs < this.#sinceMs + LULL_MAX_MS) {
      this.#quietMs = Math.min(nowMs + LISTEN_MS, this.#sinceMs + LULL_MAX_MS)
    } else {
      this.#endedMs = nowMs
    }
  }

  #open(nowMs: number): void {
    // Where nobody has waited for its end, it has ended all the same.
    if (this.wakeAtMs() < nowMs || this.#endedMs !== Infinity) this.#sinceMs = nowMs
    this.#endedMs = Infinity
  }
}
