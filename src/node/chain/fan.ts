// pure
/** The way to the workers of a stage: which of them an item goes to. */

import { RouteError } from '../../errors.ts'
import { hash32 } from '../../hash.ts'
import type { Prng } from '../../prng.ts'
import type { Route } from '../../protocol/spec-row.ts'
import { unreachable } from '../../assert.ts'
import type { Callback } from '../workers/behaviours.ts'
import type { Item, Parent } from './item.ts'
import type { Outlet } from './outlet.ts'

/** The way out of a stage: to the workers of the next one, or back to whoever sent the item. */
export interface Exit {
  /** It leads to nobody: the stage has no worker that is known here. */
  readonly isDeadEnd: boolean
  /** Sees to it that `pick` and what follows cannot fail. @throws {PayloadError} {RouteError} when they would */
  prepare(item: Item): void
  /** Whether something that comes of `item` may find room. If not, `onRoom` will be called. */
  hasRoom(item: Item): boolean
  /** Where `item` goes now; undefined: there is no room for this one, and `onRoom` will be called. @throws {RouteError} */
  pick(item: Item): Outlet | undefined
}

export interface FanInit {
  readonly route: Route
  /** In the order of the workers. */
  readonly outlets: readonly Outlet[]
  /** Whether all of them are on this node: then nothing is encoded. */
  readonly isLocal: boolean
  readonly prng: Prng
  /** Tells the key of an item of the stage. Undefined where this node does not have the behaviour. */
  readonly key: Callback | undefined
  /** For messages. */
  readonly stage: string
}

export function makeFan(init: FanInit): Exit {
  const { route, outlets } = init
  if (outlets.length === 1 && outlets[0] !== undefined) return new Lane(init, outlets[0])
  switch (route) {
    case 'least-debt':
      return new LeastDebtFan(init)
    case 'round_robin':
      return new RoundRobinFan(init)
    case 'random':
      return new RandomFan(init)
    case 'key':
      return new KeyFan(init)
    case 'broadcast':
      return new BroadcastFan(init)
    default:
      return unreachable(route)
  }
}

abstract class Fan implements Exit {
  protected readonly outlets: readonly Outlet[]
  readonly #isLocal: boolean

  constructor({ outlets, isLocal }: FanInit) {
    this.outlets = outlets
    this.#isLocal = isLocal
  }

  get isDeadEnd(): boolean {
    return this.outlets.length === 0
  }

  prepare(item: Item): void {
    if (!this.#isLocal) item.bytes()
  }

  abstract hasRoom(): boolean
  abstract pick(item: Item): Outlet | undefined
}

/** A stage with one worker: whatever its route says. */
class Lane extends Fan {
  readonly #outlet: Outlet

  constructor(init: FanInit, outlet: Outlet) {
    super(init)
    this.#outlet = outlet
  }

  override hasRoom(): boolean {
    return this.#outlet.hasRoom()
  }

  override pick(): Outlet | undefined {
    return this.#outlet.hasRoom() ? this.#outlet : undefined
  }
}

class LeastDebtFan extends Fan {
  #next = 0

  override hasRoom(): boolean {
    return hasSomeRoom(this.outlets)
  }

  override pick(): Outlet | undefined {
    const count = this.outlets.length
    let best: Outlet | undefined
    let bestAt = 0
    // Starting behind the last choice: equal debts are served in turn.
    for (let step = 0; step < count; step++) {
      const at = (this.#next + step) % count
      const outlet = this.outlets[at]
      if (outlet === undefined || !outlet.hasRoom() || (best !== undefined && outlet.debt >= best.debt))
        continue
      best = outlet
      bestAt = at
    }
    this.#next = bestAt + 1
    return best
  }
}

/** Evenly, come what may: the next one waits for a worker that is slow. */
class RoundRobinFan extends Fan {
  #next = 0

  override hasRoom(): boolean {
    return this.outlets[this.#next]?.hasRoom() === true
  }

  override pick(): Outlet | undefined {
    const outlet = this.outlets[this.#next]
    if (outlet?.hasRoom() !== true) return undefined
    this.#next = (this.#next + 1) % this.outlets.length
    return outlet
  }
}

class RandomFan extends Fan {
  readonly #prng: Prng

  constructor(init: FanInit) {
    super(init)
    this.#prng = init.prng
  }

  override hasRoom(): boolean {
    return hasSomeRoom(this.outlets)
  }

  override pick(): Outlet | undefined {
    const open = this.outlets.filter(outlet => outlet.hasRoom())
    return open.length === 0 ? undefined : this.#prng.pick(open)
  }
}

/** What has no room at its worker holds up what comes behind it: so equal keys stay in order. */
class KeyFan extends Fan {
  readonly #stage: string
  readonly #key: Callback | undefined

  constructor(init: FanInit) {
    super(init)
    this.#stage = init.stage
    this.#key = init.key
  }

  override prepare(item: Item): void {
    this.#hashOf(item)
    super.prepare(item)
  }

  override hasRoom(): boolean {
    return hasSomeRoom(this.outlets)
  }

  override pick(item: Item): Outlet | undefined {
    const outlet = this.outlets[this.#hashOf(item) % this.outlets.length]
    return outlet?.hasRoom() === true ? outlet : undefined
  }

  #hashOf(item: Item): number {
    item.keyHash ??= this.#hash(item.value)
    return item.keyHash
  }

  #hash(value: unknown): number {
    if (this.#key === undefined) {
      throw new RouteError(
        `stage "${this.#stage}" goes by a key, and this node does not have its behaviour: register it here too, or send from a node that has it`,
      )
    }
    let key: unknown
    try {
      key = this.#key(value)
    } catch (cause) {
      throw new RouteError(`stage "${this.#stage}" cannot tell the key of the item: ${String(cause)}`, {
        cause,
      })
    }
    if (!isKey(key)) {
      throw new RouteError(
        `stage "${this.#stage}" gave ${key === null ? 'null' : `a value of type ${typeof key}`} as the key of an item, wanted a text, number, bigint or boolean`,
      )
    }
    return hash32(`${typeof key} ${key}`)
  }
}

/** To all at once, when all have room. */
class BroadcastFan extends Fan {
  readonly #all: Outlet

  constructor(init: FanInit) {
    super(init)
    const { outlets } = init
    this.#all = {
      debt: 0,
      hasRoom: () => outlets.length > 0 && outlets.every(outlet => outlet.hasRoom()),
      push: (item: Item, parent: Parent): void => {
        // What cannot travel must not have gone to some of them already.
        this.prepare(item)
        for (let extra = 1; extra < outlets.length; extra++) parent.onChildAdded()
        for (const outlet of outlets) outlet.push(item, parent)
      },
    }
  }

  override hasRoom(): boolean {
    return this.#all.hasRoom()
  }

  override pick(): Outlet | undefined {
    return this.#all.hasRoom() ? this.#all : undefined
  }
}

function hasSomeRoom(outlets: readonly Outlet[]): boolean {
  for (const outlet of outlets) if (outlet.hasRoom()) return true
  return false
}

function isKey(value: unknown): value is string | number | bigint | boolean {
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value)
}

/** What an item of a last stage comes to when nobody waits for it: it is settled at once. */
export const NOWHERE: Outlet = {
  debt: 0,
  hasRoom: () => true,
  push: (_item, parent) => parent.onChildSettled(),
}
