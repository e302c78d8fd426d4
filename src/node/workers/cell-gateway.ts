// shell
/** The gateway of the code in a cell: passes on what it asks of the mesh to the node, and hands it the answers. */

import { AbortError } from '../../call-errors.ts'
import { PayloadError } from '../../errors.ts'
import type { SlotId, SpecId } from '../../ids.ts'
import type { Clock } from '../../ports.ts'
import type { Origin } from '../../protocol/request.ts'
import type { Thrown } from './cell-messages.ts'
import type { CallRequest, Gateway } from './gateway.ts'
import { type MeshAsk, toData } from './mesh-ask.ts'
import { CellCallError, CellError, UNSENDABLE_ARGUMENTS, unsendable } from './thrown.ts'

interface Waiter {
  onResult(value: unknown): void
  onError(error: Error): void
}

export interface CellGatewayInit {
  readonly clock: Clock
  readonly worker: SlotId
  /** The members of the worker's own group when it started; undefined outside of groups. */
  readonly group: { readonly id: SpecId; readonly members: readonly string[] } | undefined
  readonly ask: (id: number, ask: MeshAsk) => void
  /** Nobody waits any more for the answer to `id`. */
  readonly forget: (id: number) => void
}

/**
 * What is wrong with casts and messages comes to light on the node only: there it is logged, and not thrown at whoever
 * has sent them.
 */
export class CellGateway implements Gateway {
  readonly #init: CellGatewayInit
  readonly #waiters = new Map<number, Waiter>()
  #asked = 0

  constructor(init: CellGatewayInit) {
    this.#init = init
  }

  call(request: CallRequest): Promise<unknown> {
    const { slot, name, args, timeoutMs, signal, origin } = request
    return new Promise((resolve, reject) => {
      const aborted = (maybeExecuted: boolean): void =>
        reject(new AbortError(`the call "${name}" of "${slot}"`, signal?.reason, { maybeExecuted }))
      if (signal?.aborted === true) return aborted(false)
      const id = this.#ask({ kind: 'call', slot, name, args, timeoutMs, origin: this.#data(origin) })
      const abort = (): void => {
        this.#waiters.delete(id)
        this.#init.forget(id)
        aborted(true)
      }
      const release = (): void => signal?.removeEventListener('abort', abort)
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiters.set(id, {
        onResult: value => {
          release()
          resolve(value)
        },
        onError: error => {
          release()
          reject(error)
        },
      })
    })
  }

  cast(slot: SlotId, name: string, args: readonly unknown[], origin: Origin): void {
    this.#ask({ kind: 'cast', slot, name, args, origin: this.#data(origin) })
  }

  send(slot: SlotId, message: unknown, origin: Origin): void {
    this.#ask({ kind: 'send', slot, message, origin: this.#data(origin) })
  }

  broadcast(group: SpecId, message: unknown, origin: Origin): undefined {
    this.#ask({ kind: 'broadcast', group, message, origin: this.#data(origin) })
  }

  sendRandom(group: SpecId, message: unknown, origin: Origin): SlotId {
    this.#ask({ kind: 'send-random', group, message, origin: this.#data(origin) })
    return this.#init.worker
  }

  membersOf(group: SpecId): readonly string[] | undefined {
    return this.#init.group?.id === group ? this.#init.group.members : undefined
  }

  onResult(id: number, value: unknown): void {
    this.#take(id)?.onResult(value)
  }

  onError(id: number, thrown: Thrown, maybeExecuted: boolean | undefined): void {
    const error =
      maybeExecuted === undefined ? new CellError(thrown) : new CellCallError(thrown, maybeExecuted)
    this.#take(id)?.onError(error)
  }

  #take(id: number): Waiter | undefined {
    const waiter = this.#waiters.get(id)
    this.#waiters.delete(id)
    return waiter
  }

  /** @throws {PayloadError} when it cannot be copied: that is known here */
  #ask(ask: MeshAsk): number {
    this.#asked += 1
    try {
      this.#init.ask(this.#asked, ask)
    } catch (error) {
      const { message } = unsendable(UNSENDABLE_ARGUMENTS, error)
      throw new PayloadError(message, { cause: error })
    }
    return this.#asked
  }

  #data(origin: Origin) {
    return toData(origin, this.#init.clock.nowMs())
  }
}
