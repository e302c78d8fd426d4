// shell
/** Does on the node what the code in a cell asks of the mesh. */

import { unreachable } from '../../assert.ts'
import type { Clock, Logger } from '../../ports.ts'
import type { Thrown } from './cell-messages.ts'
import type { Gateway } from './gateway.ts'
import { type MeshAsk, fromData } from './mesh-ask.ts'
import { thrownFrom } from './thrown.ts'

export interface MeshDoorInit {
  readonly gateway: Gateway
  readonly clock: Clock
  readonly logger: Logger
  readonly onResult: (id: number, value: unknown) => void
  readonly onError: (id: number, thrown: Thrown, maybeExecuted: boolean | undefined) => void
}

export class MeshDoor {
  readonly #init: MeshDoorInit
  /** Of calls that are on their way. */
  readonly #aborts = new Map<number, AbortController>()

  constructor(init: MeshDoorInit) {
    this.#init = init
  }

  ask(id: number, ask: MeshAsk): void {
    try {
      this.#do(id, ask)
    } catch (error) {
      this.#init.logger.warn({ error, kind: ask.kind }, 'what a worker has sent could not be sent')
    }
  }

  forget(id: number): void {
    this.#aborts.get(id)?.abort()
    this.#aborts.delete(id)
  }

  /** The worker is over: nobody waits for anything. */
  close(): void {
    for (const abort of this.#aborts.values()) abort.abort()
    this.#aborts.clear()
  }

  #do(id: number, ask: MeshAsk): void {
    const { gateway, clock } = this.#init
    const origin = fromData(ask.origin, clock.nowMs())
    switch (ask.kind) {
      case 'call':
        void this.#call(id, ask)
        return
      case 'cast':
        return gateway.cast(ask.slot, ask.name, ask.args, origin)
      case 'send':
        return gateway.send(ask.slot, ask.message, origin)
      case 'broadcast':
        gateway.broadcast(ask.group, ask.message, origin)
        return
      case 'send-random':
        gateway.sendRandom(ask.group, ask.message, origin)
        return
      default:
        return unreachable(ask)
    }
  }

  async #call(id: number, ask: MeshAsk & { readonly kind: 'call' }): Promise<void> {
    const { gateway, clock, onResult, onError } = this.#init
    const { slot, name, args, timeoutMs } = ask
    const abort = new AbortController()
    this.#aborts.set(id, abort)
    const origin = fromData(ask.origin, clock.nowMs())
    try {
      onResult(id, await gateway.call({ slot, name, args, timeoutMs, signal: abort.signal, origin }))
    } catch (error) {
      if (!abort.signal.aborted) onError(id, thrownFrom(error), executed(error))
    }
    this.#aborts.delete(id)
  }
}

/** What a `CallError` says about whether it may have been executed. */
function executed(error: unknown): boolean | undefined {
  const said: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'maybeExecuted') : undefined
  return typeof said === 'boolean' ? said : undefined
}
