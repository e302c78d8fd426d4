// shell
/** Handles: typed by the behaviour, good from any node, the same whether the worker runs here or elsewhere. */

import { type SlotId, type SpecId, slotId } from '../../ids.ts'
import { promised } from '../../promised.ts'
import type { DataPlane } from '../data-plane.ts'
import type { Process } from '../specs/child.ts'
import type { WaitOptions } from '../waiting.ts'
import type { NoFunctions, Server, Task } from '../workers/behaviours.ts'

const CALL_TIMEOUT_MS = 5_000

/** The functions of a server that answer. Each rejects with a `CallError` that says whether it may have been executed. */
export type CallsOf<B> =
  B extends Server<readonly unknown[], infer Calls, object>
    ? {
        readonly [K in keyof Calls]: Calls[K] extends (state: never, ...args: infer Args) => infer Result
          ? (...args: Args) => Promise<Awaited<Result>>
          : never
      }
    : NoFunctions

/** The functions of a server that do not answer: at most once, and an `OverloadedError` when too much waits already. */
export type CastsOf<B> =
  B extends Server<readonly unknown[], object, infer Casts>
    ? {
        readonly [K in keyof Casts]: Casts[K] extends (state: never, ...args: infer Args) => unknown
          ? (...args: Args) => void
          : never
      }
    : NoFunctions

/** What can be sent to a worker besides calls and casts. */
export type MessageOf<B> = B extends Task<readonly unknown[], infer Message> ? Message : unknown

/** A standalone worker, or a member of a group. */
export class WorkerRef<B extends Process = Process> {
  readonly id: SlotId
  readonly call: CallsOf<B>
  readonly cast: CastsOf<B>
  readonly #plane: DataPlane

  constructor(plane: DataPlane, id: SlotId, options: WaitOptions = {}) {
    this.id = id
    this.#plane = plane
    const { timeoutMs = CALL_TIMEOUT_MS, signal } = options
    this.call = promised(functions((name, args) => plane.call({ slot: id, name, args, timeoutMs, signal })))
    this.cast = promised(functions((name, args) => plane.cast(id, name, args)))
  }

  /** The same worker, with other limits for its calls: 5 s where nothing is said. */
  with(options: WaitOptions): WorkerRef<B> {
    return new WorkerRef(this.#plane, this.id, options)
  }

  /**
   * Sends a message: a server gets it in `info`, a task in `context.messages`. At most once.
   * @throws {OverloadedError} when too much waits already
   */
  send(message: MessageOf<B>): void {
    this.#plane.send(this.id, message)
  }
}

interface Identified {
  readonly id: string
  readonly run: Process
}

/** The behaviour of the member with id `Id`; of any member, where the ids are not known to the compiler. */
export type MemberOf<Members extends readonly Identified[], Id extends string> = [
  Extract<Members[number], { readonly id: Id }>,
] extends [never]
  ? Members[number]['run']
  : Extract<Members[number], { readonly id: Id }>['run']

export class GroupRef<Members extends readonly Identified[] = readonly Identified[]> {
  readonly id: SpecId
  readonly #plane: DataPlane

  constructor(plane: DataPlane, id: SpecId) {
    this.id = id
    this.#plane = plane
  }

  /** A member, whether it runs now or not. */
  member<const Id extends Members[number]['id']>(
    id: Id,
    options: WaitOptions = {},
  ): WorkerRef<MemberOf<Members, Id>> {
    return new WorkerRef(this.#plane, slotId(this.id, id), options)
  }

  /**
   * Sends a message to every member, wherever it runs: at most once each, in no promised order.
   * @returns how many members there are; 0 while the group restarts
   */
  broadcast(message: unknown): number {
    return this.#plane.broadcast(this.id, message)
  }
}

/** Functions made when they are first asked for: the code of the behaviour need not be here. */
function functions(invoke: (name: string, args: readonly unknown[]) => unknown): object {
  const made = new Map<string, unknown>()
  return new Proxy(
    {},
    {
      get(_target, name) {
        // Not a promise: awaiting it by mistake must not send a call named "then".
        if (typeof name === 'symbol' || name === 'then') return undefined
        const known = made.get(name)
        if (known !== undefined) return known
        const fn = (...args: unknown[]): unknown => invoke(name, args)
        made.set(name, fn)
        return fn
      },
    },
  )
}
