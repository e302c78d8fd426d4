// shell
/** The channels that this node has opened to servers and tasks on others. */

import { type SlotId, type SpecId, specOfSlot } from '../../ids.ts'
import type { SpecBody } from '../../protocol/spec-row.ts'
import type { Channels } from '../chain/wiring.ts'
import { partsOfSpec } from '../supervision/units.ts'
import type { Route } from './router.ts'
import { SlotChannel } from './slot-channel.ts'

export class SlotChannels {
  readonly #channels: Channels
  /** By the slot, and how often what goes in was sent on. */
  readonly #open = new Map<string, SlotChannel>()
  /** The keys of those to workers of a spec. */
  readonly #bySpec = new Map<SpecId, Map<string, SlotId>>()

  constructor(channels: Channels) {
    this.#channels = channels
  }

  /** The channel to a worker, opened once for each of its generations. */
  to(route: Route, slot: SlotId, hops = 0): SlotChannel {
    const key = hops === 0 ? slot : `${slot} ${hops}`
    const known = this.#open.get(key)
    if (known?.isTo(route) === true) return known
    if (known === undefined) this.#keysOf(specOfSlot(slot)).set(key, slot)
    else this.#channels.close(known.owner.id, known)
    const channel = new SlotChannel(this.#channels.next(), { slot, hops }, route)
    this.#open.set(key, channel)
    this.#channels.open(route.owner.id, channel)
    return channel
  }

  /** Closes what led to workers that the spec does not have any more. */
  followSpec(id: SpecId, body: SpecBody | undefined): void {
    const keys = this.#bySpec.get(id)
    if (keys === undefined) return
    const { bySlot } = partsOfSpec(id, body)
    for (const [key, slot] of keys) {
      const channel = this.#open.get(key)
      if (channel === undefined || bySlot.has(slot)) continue
      this.#channels.close(channel.owner.id, channel)
      this.#open.delete(key)
      keys.delete(key)
    }
    if (keys.size === 0) this.#bySpec.delete(id)
  }

  #keysOf(spec: SpecId): Map<string, SlotId> {
    const known = this.#bySpec.get(spec) ?? new Map<string, SlotId>()
    this.#bySpec.set(spec, known)
    return known
  }
}
