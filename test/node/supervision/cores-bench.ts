/** The control planes of a few nodes that hear each other at once, whose workers start where the test says that they can. */

import { type NodeId, type SlotId, nodeId } from '../../../src/ids.ts'
import type { Core } from '../../../src/node/core.ts'
import type { CoreEvent, Effect, NodeEvent } from '../../../src/node/events.ts'
import type { Exit } from '../../../src/node/supervision/exit.ts'
import type { Message } from '../../../src/protocol/messages.ts'
import { LAN_TIMINGS, type Timings } from '../../../src/protocol/timings.ts'
import { coreOf, timeAt } from './core-bench.ts'

export class CoresBench {
  readonly cores = new Map<NodeId, Core>()
  /** `a on n1`: what runs. */
  readonly running = new Set<string>()
  /** `a on n1`: every start that was asked for, in order. */
  readonly starts: string[] = []
  readonly events: NodeEvent[] = []
  isLost = (_to: NodeId, _message: Message): boolean => false
  /** How the start of a worker on a node ends; undefined: well. */
  readonly #endOf: (slot: SlotId, node: NodeId) => Exit | undefined
  readonly #inbox: { readonly to: NodeId; readonly event: CoreEvent }[] = []
  nowMs = 1_000

  constructor(
    names: readonly string[],
    endOf: (slot: SlotId, node: NodeId) => Exit | undefined,
    timings: Timings = LAN_TIMINGS,
  ) {
    this.#endOf = endOf
    const ids = names.map(nodeId)
    for (const id of ids) this.cores.set(id, coreOf(id, this.nowMs, timings))
    for (const to of ids)
      for (const peer of ids) if (peer !== to) this.#inbox.push({ to, event: { kind: 'peer-up', peer } })
    this.pass(4 * timings.probePeriodMs)
  }

  core(name: string): Core {
    const core = this.cores.get(nodeId(name))
    if (core === undefined) throw new Error(`no node ${name}`)
    return core
  }

  step(to: NodeId, event: CoreEvent): void {
    this.#inbox.push({ to, event })
    this.#deliver()
  }

  pass(durationMs: number): void {
    const untilMs = this.nowMs + durationMs
    this.#deliver()
    while (this.nowMs < untilMs) {
      const dueMs = Math.min(...[...this.cores.values()].map(core => core.wakeAtMs()))
      this.nowMs = Math.min(untilMs, Math.max(this.nowMs + 1, dueMs))
      for (const to of this.cores.keys()) this.#inbox.push({ to, event: { kind: 'time-passed' } })
      this.#deliver()
    }
  }

  #deliver(): void {
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      const { to, event } = next
      for (const effect of this.core(to).step(event, timeAt(this.nowMs))) this.#run(to, effect)
    }
  }

  #run(node: NodeId, effect: Effect): void {
    switch (effect.kind) {
      case 'send':
        if (this.isLost(effect.to, effect.message)) break
        this.#inbox.push({
          to: effect.to,
          event: { kind: 'message-received', from: node, message: effect.message },
        })
        break
      case 'start-worker': {
        const { slot } = effect.assignment
        const { incarnation } = effect
        const exit = this.#endOf(slot, node)
        this.starts.push(`${slot} on ${node}`)
        if (exit === undefined) this.running.add(`${slot} on ${node}`)
        this.#inbox.push({
          to: node,
          event:
            exit === undefined
              ? { kind: 'worker-started', slot, incarnation }
              : { kind: 'worker-exited', slot, incarnation, exit },
        })
        break
      }
      case 'stop-worker':
      case 'release-worker': {
        const { slot, incarnation } = effect
        this.running.delete(`${slot} on ${node}`)
        const exit: Exit =
          effect.kind === 'stop-worker'
            ? { kind: 'stopped' }
            : { kind: 'released', legacy: new Uint8Array([1]) }
        this.#inbox.push({ to: node, event: { kind: 'worker-exited', slot, incarnation, exit } })
        break
      }
      case 'notify':
        this.events.push(effect.event)
        break
      default:
    }
  }
}
