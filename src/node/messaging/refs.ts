// shell
/** Handles: typed by the behaviour, good from any node, the same whether the worker runs here or elsewhere. */

import { type SlotId, type SpecId, isPlainId, slotId } from '../../ids.ts'
import { promised } from '../../promised.ts'
import { missing } from '../missing.ts'
import type { Process } from '../specs/child.ts'
import { checkWait } from '../wait-options.ts'
import type { WaitOptions } from '../waiting.ts'
import type { NoFunctions, Server, Task } from '../workers/behaviours.ts'
import type { Deferred } from '../workers/deferred.ts'
import { isOfAnyObject } from '../workers/function-names.ts'
import type { Gateway } from '../workers/gateway.ts'
import { originOfNow, traceOfNow } from '../workers/scope.ts'

/** The functions of a server that answer. Each rejects with a `CallError` that says whether it may have been executed. */
export type CallsOf<B> =
  B extends Server<readonly unknown[], infer Calls, object>
    ? {
        readonly [K in keyof Calls]: Calls[K] extends (state: never, ...args: infer Args) => infer Result
          ? (...args: Args) => Promise<AnswerOf<Result>>
          : never
      }
    : NoFunctions

/** What the caller gets: now or later is the same to it. */
type AnswerOf<Result> =
  Awaited<Result> extends infer Answer ? (Answer extends Deferred<infer T> ? T : Answer) : never

/**
 * The functions of a server that do not answer: at most once. What its mailbox has no room for is dropped, and told by
 * the node that it runs on (`worker:overload`); an `OverloadedError` is thrown where too much waits for the connection to
 * that node. Whoever must hear of each one calls.
 */
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
  readonly #gateway: Gateway

  /** @internal */
  constructor(gateway: Gateway, id: SlotId, options: WaitOptions = {}) {
    this.id = id
    this.#gateway = gateway
    const { timeoutMs, signal } = checkWait(`the handle of "${id}"`, options)
    this.call = promised(
      functions((name, args) =>
        gateway.call({ slot: id, name, args, timeoutMs, signal, origin: originOfNow() }),
      ),
    )
    this.cast = promised(functions((name, args) => gateway.cast(id, name, args, traceOfNow())))
  }

  /**
   * The same worker, with other limits for its calls: what is left to the caller, or 5 s, where nothing is said.
   * @throws {OptionsError}
   */
  with(options: WaitOptions): WorkerRef<B> {
    return new WorkerRef(this.#gateway, this.id, options)
  }

  /**
   * Sends a message: a server gets it in `info`, a task in `context.messages`. At most once. What its mailbox has no
   * room for is dropped, and told by the node that it runs on (`worker:overload`).
   * @throws {OverloadedError} when too much waits for the connection to its node; {PayloadError} when it cannot be sent
   * there; {FencedError} from code of a worker that is over
   */
  send(message: MessageOf<B>): void {
    this.#gateway.send(this.id, message, traceOfNow())
  }

  /** For logs: as handles of groups and chains are written. */
  toJSON(): { readonly id: SlotId } {
    return { id: this.id }
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
  readonly #gateway: Gateway<number>

  /** @internal */
  constructor(gateway: Gateway<number>, id: SpecId) {
    this.id = id
    this.#gateway = gateway
  }

  /** A member, whether it runs now or not. @throws {OptionsError}; {NotFoundError} when no member can have the id */
  member<const Id extends Members[number]['id']>(
    id: Id,
    options: WaitOptions = {},
  ): WorkerRef<MemberOf<Members, Id>> {
    return new WorkerRef(this.#gateway, memberSlot(this.id, id), options)
  }

  /**
   * Sends a message to every member, wherever it runs: at most once each, in no promised order.
   * @returns how many members there are; 0 while the group restarts
   */
  broadcast(message: unknown): number {
    return this.#gateway.broadcast(this.id, message, traceOfNow())
  }

  /**
   * Sends a message to one of the members that run, drawn by lot.
   * @returns the id of the member
   * @throws {NoMemberError} when none runs now; otherwise as `WorkerRef.send`
   */
  sendRandom(message: unknown): Members[number]['id'] {
    return this.#gateway.sendRandom(this.id, message, traceOfNow()).slice(this.id.length + 1)
  }
}

/** The slot of a member that there may be. @throws {NotFoundError} when no member can have the id; {OptionsError} when it is no text */
export function memberSlot(group: SpecId, id: string): SlotId {
  if (!isPlainId(id)) throw missing(id, 'member')
  return slotId(group, id)
}

/** Functions made when they are first asked for: the code of the behaviour need not be here. */
function functions(invoke: (name: string, args: readonly unknown[]) => unknown): object {
  const made = new Map<string, unknown>()
  return new Proxy(
    {},
    {
      get(target, name): unknown {
        // To await it by mistake, to log it or to write it as JSON must send no calls named "then", "toString" or "toJSON".
        if (typeof name === 'symbol' || isOfAnyObject(name)) return Reflect.get(target, name)
        const known = made.get(name)
        if (known !== undefined) return known
        const fn = (...args: unknown[]): unknown => invoke(name, args)
        made.set(name, fn)
        return fn
      },
    },
  )
}
