// shell
/** Who listens to what happens on a node. A listener that throws, or whose promise rejects, harms nobody: its error is logged. */

import { OptionsError, type Problem } from '../errors.ts'
import { type SpecId, specOfSlot } from '../ids.ts'
import type { Logger } from '../ports.ts'
import { NODE_EVENT_KINDS, type NodeEvent } from './events.ts'
import { withNearest } from './nearest.ts'
import { show } from './show.ts'
import { runOutside } from './workers/scope.ts'
import { isPromise } from './workers/promises.ts'

/** The event of one kind. */
export type NodeEventOf<K extends NodeEvent['kind']> = Extract<NodeEvent, { readonly kind: K }>

/** What a listener returns is not waited for. */
type Listener = (event: NodeEvent) => unknown

/** What may be the end of a run of a node: where another one has begun, the one before is over. */
const ENDS: ReadonlySet<NodeEvent['kind']> = new Set(['member:dead', 'member:leave', 'member:join'])

const NOBODY: readonly ReadonlySet<Listener>[] = []

export class EventBus {
  readonly #logger: Logger
  readonly #listeners = new Set<Listener>()
  readonly #bySpec = new Map<SpecId, Set<Listener>>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** @returns how to stop listening @throws {OptionsError} when there is no such event, or the listener is no function */
  on<K extends NodeEvent['kind']>(kind: K, listener: (event: NodeEventOf<K>) => unknown): () => void {
    refuseUnheard(kind, listener)
    return this.onAny(event => (isOf(event, kind) ? listener(event) : undefined))
  }

  /** @returns how to stop listening */
  onAny(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Listens to what happens to one spec, and to the end of nodes, as nobody may be left to say what became of it there: ten
   * thousand may be waited for at once. @returns how to stop listening
   */
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
    for (const interested of this.#interestedIn(event)) runOutside(() => this.#tell(interested, event))
  }

  #interestedIn(event: NodeEvent): readonly ReadonlySet<Listener>[] {
    if (ENDS.has(event.kind)) return [...this.#bySpec.values()]
    const spec = specOf(event)
    const interested = spec === undefined ? undefined : this.#bySpec.get(spec)
    return interested === undefined ? NOBODY : [interested]
  }

  #tell(listeners: ReadonlySet<Listener>, event: NodeEvent): void {
    for (const listener of listeners) {
      try {
        const returned = listener(event)
        if (isPromise(returned)) void this.#watch(returned, event)
      } catch (error) {
        this.#onThrown(error, event)
      }
    }
  }

  /** A promise of a listener that is not waited for. */
  async #watch(returned: Promise<unknown>, event: NodeEvent): Promise<void> {
    try {
      await returned
    } catch (error) {
      this.#onThrown(error, event)
    }
  }

  #onThrown(error: unknown, event: NodeEvent): void {
    this.#logger.error({ error, event: event.kind }, 'a listener threw')
  }
}

function refuseUnheard(kind: unknown, listener: unknown): void {
  const problems: Problem[] = []
  if (typeof kind !== 'string' || !NODE_EVENT_KINDS.includes(kind)) {
    const meant = withNearest('an event', typeof kind === 'string' ? kind : '', NODE_EVENT_KINDS)
    problems.push({
      path: 'kind',
      found: show(kind),
      wanted: `${meant}; there are ${NODE_EVENT_KINDS.join(', ')}`,
    })
  }
  if (typeof listener !== 'function')
    problems.push({ path: 'listener', found: show(listener), wanted: 'a function' })
  if (problems.length > 0) throw new OptionsError('on', problems)
}

/** The spec that it is about. */
function specOf(event: NodeEvent): SpecId | undefined {
  if ('id' in event) return event.id
  return event.kind === 'worker:start' || event.kind === 'worker:exit' ? specOfSlot(event.slot) : undefined
}

function isOf<K extends NodeEvent['kind']>(event: NodeEvent, kind: K): event is NodeEventOf<K> {
  return event.kind === kind
}
