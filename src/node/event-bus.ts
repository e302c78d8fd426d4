// shell
/** Who listens to what happens on a node. A listener that throws harms nobody: its error is logged. */

import type { SpecId } from '../ids.ts'
import type { Logger } from '../ports.ts'
import type { NodeEvent } from './events.ts'
import { runOutside } from './workers/scope.ts'

/** The event of one kind. */
export type NodeEventOf<K extends NodeEvent['kind']> = Extract<NodeEvent, { readonly kind: K }>

type Listener = (event: NodeEvent) => void

export class EventBus {
  readonly #logger: Logger
  readonly #listeners = new Set<Listener>()
  readonly #bySpec = new Map<SpecId, Set<Listener>>()

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

  /** Listens to what happens to one spec: ten thousand may be waited for at once. @returns how to stop listening */
  onSpec(spec: SpecId, listener: Listener): () => void {
    const listeners = this.#bySpec.get(spec) ?? new Set()
    this.#bySpec.set(spec, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#bySpec.get(spec) === listeners) this.#bySpec.delete(spec)
    }
  }

  emit(event: NodeEvent): void {
    // Whoever's code it was that has brought it about: listeners are not on its account.
    if (this.#listeners.size > 0) runOutside(() => this.#tell(this.#listeners, event))
    const interested = 'id' in event ? this.#bySpec.get(event.id) : undefined
    if (interested !== undefined) runOutside(() => this.#tell(interested, event))
  }

  #tell(listeners: ReadonlySet<Listener>, event: NodeEvent): void {
    for (const listener of listeners) {
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
