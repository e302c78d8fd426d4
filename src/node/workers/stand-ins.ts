// shell
/** Behaviours whose callbacks pass on what they are asked to a cell: workers call them like any other. */

import { unreachable } from '../../assert.ts'
import type { Behaviour, Callback } from './behaviours.ts'
import type { CallbackName } from './cell-messages.ts'
import type { HandledItem } from './context.ts'

/** What a stand-in needs of the cell. */
export interface Remote {
  /** Runs a callback there. */
  ask(callback: CallbackName, ask: Ask): Promise<unknown>
  /** Runs a callback that gives many outputs. */
  iterate(callback: CallbackName, ask: Ask): AsyncIterable<unknown>
  /** Where the messages of a task come from. */
  readFrom(messages: AsyncIterator<unknown>): void
}

export interface Ask {
  readonly name?: string
  readonly args: readonly unknown[]
  readonly handled?: HandledItem | undefined
  /** Its sender may need it for another try, even where it has been given away. @default false */
  readonly isItem?: boolean
}

/** A behaviour like `behaviour` whose code runs in the cell. Its state stays there: here it is undefined. */
export function standInFor(behaviour: Behaviour, remote: Remote): Behaviour {
  switch (behaviour.kind) {
    case 'stage': {
      const { emission } = behaviour
      const handle: Callback = (item, context) => {
        const ask = { args: [item], handled: handledOf(context), isItem: true }
        return emission === 'many' ? remote.iterate('handle', ask) : remote.ask('handle', ask)
      }
      return { ...behaviour, handle }
    }
    case 'server':
      return {
        ...behaviour,
        init: (_context, ...args) => remote.ask('init', { args }),
        call: each(
          behaviour.call,
          name =>
            (_state, ...args) =>
              remote.ask('call', { name, args }),
        ),
        cast: each(
          behaviour.cast,
          name =>
            (_state, ...args) =>
              remote.ask('cast', { name, args }),
        ),
        info: behaviour.info && ((_state, message) => remote.ask('info', { args: [message] })),
        idle: behaviour.idle && { ...behaviour.idle, handle: () => remote.ask('idle', { args: [] }) },
        terminate: behaviour.terminate && ((_state, reason) => remote.ask('terminate', { args: [reason] })),
        handoff: behaviour.handoff && (() => remote.ask('handoff', { args: [] })),
      }
    case 'task':
      return {
        ...behaviour,
        run: (context, ...args) => {
          remote.readFrom(messagesOf(context))
          return remote.ask('run', { args })
        },
      }
    default:
      return unreachable(behaviour)
  }
}

function each(
  functions: Readonly<Record<string, Callback>>,
  make: (name: string) => Callback,
): Record<string, Callback> {
  return Object.fromEntries(Object.keys(functions).map(name => [name, make(name)]))
}

/** The item that a stage is at, by its context. */
function handledOf(context: unknown): HandledItem | undefined {
  if (!isAtItem(context)) return undefined
  const { item, id, attempt } = context
  return { item, id, attempt }
}

function messagesOf(context: unknown): AsyncIterator<unknown> {
  if (!hasMessages(context)) throw new TypeError('the context of a task has messages')
  return context.messages[Symbol.asyncIterator]()
}

function isAtItem(context: unknown): context is HandledItem {
  return typeof context === 'object' && context !== null && 'item' in context
}

function hasMessages(context: unknown): context is { readonly messages: AsyncIterable<unknown> } {
  return typeof context === 'object' && context !== null && 'messages' in context
}
