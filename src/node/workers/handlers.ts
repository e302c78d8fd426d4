// pure
/** The functions of a server: found once, and known by how they have been so far. */

import { unreachable } from '../../assert.ts'
import { NO_ORIGIN } from '../../protocol/request.ts'
import type { Letter } from '../messaging/mailbox.ts'
import type { Callback, Server } from './behaviours.ts'
import type { StandardSchema } from './schema.ts'
import { listOf, whenFit } from './unfit.ts'

/** Nothing has come for so long that the server wants to know. */
export const IDLE = { kind: 'idle', origin: NO_ORIGIN } as const

type AnyServer = Server<readonly unknown[], object, object>

/** A function of a server, with what its arguments are checked by. */
export class Handler {
  readonly #fn: Callback
  readonly #schema: StandardSchema | undefined
  #pace: 'unknown' | 'quick' | 'slow' = 'unknown'

  constructor(fn: Callback, schema: StandardSchema | undefined) {
    this.#fn = fn
    this.#schema = schema
  }

  /** It was called before, by whichever worker, and was always through when it returned. */
  get isQuick(): boolean {
    return this.#pace === 'quick'
  }

  onReturned(): void {
    if (this.#pace === 'unknown') this.#pace = 'quick'
  }

  /** It takes its time. It may do so again. */
  onPromised(): void {
    this.#pace = 'slow'
  }

  /** @throws {Unfit} when the arguments are not what the schema wants, and whatever the function throws */
  call(state: unknown, args: readonly unknown[]): unknown {
    if (this.#schema === undefined) return this.#fn(state, ...args)
    return whenFit(this.#schema, args, checked => this.#fn(state, ...listOf(checked)))
  }

  /** The same for a message: what is checked is not a list. */
  inform(state: unknown, message: unknown, context: unknown): unknown {
    return whenFit(this.#schema, message, checked => this.#fn(state, checked, context))
  }
}

export class Handlers {
  readonly #calls: ReadonlyMap<string, Handler>
  readonly #casts: ReadonlyMap<string, Handler>
  /** For any other message. */
  readonly #info: Handler | undefined
  /** For when nothing comes. */
  readonly #idle: Handler | undefined

  constructor({ call, cast, info, idle, input }: AnyServer) {
    this.#calls = handlers(call, input.call)
    this.#casts = handlers(cast, input.cast)
    this.#info = info && new Handler(info, input.info)
    this.#idle = idle && new Handler(idle.handle, undefined)
  }

  /** The function that a letter is for. */
  find(letter: Letter | typeof IDLE): Handler | undefined {
    switch (letter.kind) {
      case 'call':
        return this.#calls.get(letter.name)
      case 'cast':
        return this.#casts.get(letter.name)
      case 'message':
        return this.#info
      case 'idle':
        return this.#idle
      default:
        return unreachable(letter)
    }
  }
}

const known = new WeakMap<AnyServer, Handlers>()

/** Made once for all workers of a behaviour. */
export function handlersOf(server: AnyServer): Handlers {
  const found = known.get(server)
  if (found !== undefined) return found
  const made = new Handlers(server)
  known.set(server, made)
  return made
}

function handlers(
  functions: Readonly<Record<string, Callback>>,
  schemas: Readonly<Record<string, StandardSchema>>,
): Map<string, Handler> {
  const schemaOf = (name: string): StandardSchema | undefined =>
    Object.hasOwn(schemas, name) ? schemas[name] : undefined
  return new Map(Object.entries(functions).map(([name, fn]) => [name, new Handler(fn, schemaOf(name))]))
}
