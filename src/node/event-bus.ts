// shell
/** Who listens to what happens on a node. A listener that throws harms nobody: its error is logged. */

import type { Logger } from '../ports.ts'
import type { NodeEvent } from './events.ts'

/** The event of one kind. */
export type NodeEventOf<K extends NodeEvent['kind']> = Extract<NodeEvent, { readonly kind: K }>

type Listener = (event: NodeEvent) => void

export class EventBus {
  readonly #logger: Logger
  readonly #listeners = new Set<Listener>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** @returns how to stop listening */
  on<K extends NodeEvent['kind']>(kind: K, listener: (event: NodeEventOf<K>) => void): () => void {
    return this.onAny(event => {
      if (isOf(event, kind)) listener(event)
    })
  }

  /** @returns how to stop listening */
  onAny(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  emit(event: NodeEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        this.#logger.error({ error, event: event.kind }, 'a listener threw')
      }
    }
  }
}

function isOf<K extends NodeEvent['kind']>(event: NodeEvent, kind: K): event is NodeEventOf<K> {
  return event.kind === kind
}
