// pure
/** A gateway that is closed to code of a worker that is over, whatever that code still does. */

import type { FencedError } from '../../errors.ts'
import type { SlotId, SpecId } from '../../ids.ts'
import type { Origin } from '../../protocol/request.ts'
import type { CallRequest, Gateway } from './gateway.ts'

export class FencedGateway<out Count extends number | undefined> implements Gateway<Count> {
  readonly #gateway: Gateway<Count>
  /** Why it is closed; undefined while it is open. */
  readonly #findFence: () => FencedError | undefined

  constructor(gateway: Gateway<Count>, findFence: () => FencedError | undefined) {
    this.#gateway = gateway
    this.#findFence = findFence
  }

  call(request: CallRequest): Promise<unknown> {
    const fence = this.#findFence()
    return fence === undefined ? this.#gateway.call(request) : Promise.reject(fence)
  }

  cast(slot: SlotId, name: string, args: readonly unknown[], origin: Origin): void {
    this.#open().cast(slot, name, args, origin)
  }

  send(slot: SlotId, message: unknown, origin: Origin): void {
    this.#open().send(slot, message, origin)
  }

  broadcast(group: SpecId, message: unknown, origin: Origin): Count {
    return this.#open().broadcast(group, message, origin)
  }

  sendRandom(group: SpecId, message: unknown, origin: Origin): SlotId {
    return this.#open().sendRandom(group, message, origin)
  }

  membersOf(group: SpecId): readonly string[] | undefined {
    return this.#gateway.membersOf(group)
  }

  #open(): Gateway<Count> {
    const fence = this.#findFence()
    if (fence !== undefined) throw fence
    return this.#gateway
  }
}
