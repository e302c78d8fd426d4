// shell
/**
 * What a node that stops waits for: that what was put into chains there comes out, before its workers go, and what they have
 * put in meanwhile, when they have, but for stages, and when those have, too; and that what was sent to them goes on.
 */

import type { Clock, Logger } from '../ports.ts'
import { atMost } from './at-most.ts'
import type { DataPlane } from './data-plane.ts'
import { LEAVE_MS } from './departure.ts'
import type { CoreEvent } from './events.ts'

/** It waits so long for what was put into chains there before it stops: of `LEAVE_MS`, the rest is for handing over. */
const DRAIN_MS = 25_000
/** Its workers have put more in until they have gone: that is waited for until so long before it goes anyway. */
const REST_MS = 5_000
/** This node knows by then where a worker starts, or none takes it. */
const SEND_ON_MS = 1_000

export interface FarewellInit {
  readonly clock: Clock
  readonly logger: Logger
  readonly plane: DataPlane
  readonly receive: (event: CoreEvent) => void
}

export class Farewell {
  readonly #init: FarewellInit
  #byMs: number | undefined
  #hasLetOut = false

  constructor(init: FarewellInit) {
    this.#init = init
  }

  get hasBegun(): boolean {
    return this.#byMs !== undefined
  }

  /** Takes items of nobody but its workers, waits for those that it has taken, and then asks to leave. */
  async begin(): Promise<void> {
    const { clock, plane, receive } = this.#init
    const byMs = clock.nowMs() + LEAVE_MS
    this.#byMs = byMs
    plane.chains.close()
    await atMost(clock, DRAIN_MS, plane.chains.emptied())
    plane.chains.giveUp()
    receive({ kind: 'leave-asked', byMs })
  }

  /** Its workers have gone, but for stages, or, the second time, with those: waits for what they have put in since. */
  async letOut(): Promise<void> {
    const { clock, plane, receive } = this.#init
    if (this.#hasLetOut) plane.chains.vacate()
    this.#hasLetOut = true
    const leftMs = (this.#byMs ?? 0) - REST_MS - clock.nowMs()
    if (leftMs > 0) await atMost(clock, leftMs, plane.chains.emptied())
    receive({ kind: 'chains-drained' })
  }

  /** What was sent to workers that have left goes on to them, as long as that is not to be waited for. */
  async part(): Promise<void> {
    const { clock, logger, plane } = this.#init
    const { lostCount } = plane
    await atMost(clock, SEND_ON_MS, plane.outbox.emptied())
    const lost = plane.lostCount - lostCount + plane.outbox.count
    const message = 'casts and messages are lost: this node goes, and has no way to where their workers start'
    if (lost > 0) logger.warn({ lost }, message)
  }
}
