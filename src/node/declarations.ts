// shell
/** What is declared on a node for the whole mesh: written as specs, waited for, stopped, started again, removed. */

import { randomUUID } from 'node:crypto'

import {
  AlreadyExistsError,
  BehaviourNotFoundError,
  IsolationError,
  NotFoundError,
  StartError,
  StopError,
} from '../errors.ts'
import { type SpecId, isSpecId, specId } from '../ids.ts'
import { type SpecBody, type SpecChange, needOf } from '../protocol/spec-row.ts'
import type { Kernel } from './kernel.ts'
import { refuseHuge } from './specs/size.ts'
import { type Declared, childrenOf } from './specs/spec.ts'
import { describeStatus, isDown } from './supervision/spec-status.ts'
import type { WaitOptions, Waiting } from './waiting.ts'

/** How long a declaration waits for a connected node that does not say that it knows of the spec. */
const SPREAD_MS = 500

export type Kind = SpecBody['kind']

export class Declarations {
  readonly #kernel: Kernel
  readonly #waiting: Waiting
  /** What was asked for in this turn, and is not written yet. */
  #changes = new Map<SpecId, SpecChange>()

  constructor(kernel: Kernel, waiting: Waiting) {
    this.#kernel = kernel
    this.#waiting = waiting
  }

  /**
   * Writes the spec, and waits until it runs and the other nodes know of it. Where it cannot start, nothing is left.
   * @throws {AlreadyExistsError} {BehaviourNotFoundError} {PayloadError} {StartError}
   */
  async add(declared: Declared<SpecBody>, options: WaitOptions): Promise<SpecId> {
    const { body } = declared
    const id = specId(declared.id ?? randomUUID().replaceAll('-', ''))
    const taken = this.#bodyOf(id)
    if (taken !== undefined) throw new AlreadyExistsError(id, taken.kind)
    refuseHuge(id, body)
    this.#refuseUnknown(body)
    this.#write({ id, body, desired: 'running' })
    try {
      await this.#started(id, body.kind, options)
    } catch (error) {
      if (this.#bodyOf(id) === body) this.#write({ id, body: undefined, desired: 'stopped' })
      throw error
    }
    return id
  }

  /** Removes the spec, and waits until nothing of it runs any more. @throws {StopError} when that takes too long */
  async remove(id: SpecId, options: WaitOptions): Promise<void> {
    this.#write({ id, body: undefined, desired: 'stopped' })
    await this.#ended(id, 'removed', options)
  }

  /** Stops what runs of the spec, and waits until it has. It stays declared. @throws {StopError} */
  async stop(id: SpecId, options: WaitOptions): Promise<void> {
    this.#write({ id, body: this.#bodyOf(id), desired: 'stopped' })
    await this.#spread(id)
    await this.#ended(id, 'stopped', options)
  }

  /**
   * Stops what runs of the spec and starts it anew, with no memory of earlier failures: also one that was stopped, has
   * ended or was given up. @throws {StartError} when it does not start: it stays declared
   */
  async restart(id: SpecId, options: WaitOptions): Promise<void> {
    const body = this.#bodyOf(id)
    if (body === undefined) return
    this.#write({ id, body, desired: 'running' })
    await this.#started(id, body.kind, options)
  }

  /** The spec of that kind, if there is one. */
  find(id: string, kind: Kind): SpecId | undefined {
    return isSpecId(id) && this.#bodyOf(id)?.kind === kind ? id : undefined
  }

  /** The spec of that kind. @throws {NotFoundError} */
  get(id: string, kind: Kind): SpecId {
    const found = this.find(id, kind)
    if (found === undefined) throw new NotFoundError(id, kind)
    return found
  }

  /** The body of a spec as this node will know it at the end of the turn. */
  #bodyOf(id: SpecId): SpecBody | undefined {
    const change = this.#changes.get(id)
    return change === undefined ? this.#kernel.plane.router.bodyOf(id) : change.body
  }

  /** Everything that is asked for in one turn is written, told and placed at once. */
  #write(change: SpecChange): void {
    if (this.#changes.size === 0) queueMicrotask(() => this.#flush())
    this.#changes.set(change.id, change)
  }

  #flush(): void {
    const changes = [...this.#changes.values()]
    this.#changes = new Map()
    this.#kernel.receive({ kind: 'specs-written', changes })
  }

  #refuseUnknown(body: SpecBody): void {
    const candidates = this.#kernel.core.ledger.view()
    const isKnown = (need: string): boolean => candidates.some(({ behaviours }) => behaviours.includes(need))
    for (const child of childrenOf(body)) {
      if (isKnown(needOf(child))) continue
      const { behaviour, isolation } = child
      if (isKnown(behaviour)) throw new IsolationError(behaviour, isolation)
      const known = new Set(candidates.flatMap(({ behaviours }) => behaviours))
      throw new BehaviourNotFoundError(behaviour, [...known].toSorted())
    }
  }

  async #started(id: SpecId, kind: Kind, options: WaitOptions): Promise<void> {
    await this.#spread(id)
    await this.#waiting.until(
      () => this.#isStarted(id, kind),
      { ...options, about: id },
      timeoutMs => {
        const status = describeStatus(this.#kernel.core.statusOf(id))
        return new StartError(`the ${kind} "${id}" does not run after ${timeoutMs} ms: ${status}`)
      },
    )
  }

  async #ended(id: SpecId, as: 'stopped' | 'removed', options: WaitOptions): Promise<void> {
    await Promise.resolve()
    await this.#waiting.until(
      () => (this.#kernel.core.statusOf(id)?.kind === as ? true : undefined),
      { ...options, about: id },
      timeoutMs => new StopError(`"${id}" has not stopped after ${timeoutMs} ms: it goes on stopping`),
    )
  }

  /**
   * Waits until the other nodes know of the spec, so that it can be used on any of them and outlives this one. A node
   * that does not answer holds nobody up for long: it hears of it when it can.
   */
  async #spread(id: SpecId): Promise<void> {
    // What was written in this turn has gone out in the next microtask.
    await Promise.resolve()
    if (!this.#kernel.core.isSpreading(id)) return
    const isSpread = (): true | undefined => (this.#kernel.core.isSpreading(id) ? undefined : true)
    await this.#waiting
      .until(isSpread, { timeoutMs: SPREAD_MS, about: id }, () => new Error('a node does not answer'))
      .catch(() => {})
  }

  #isStarted(id: SpecId, kind: Kind): true | undefined {
    const status = this.#kernel.core.statusOf(id)
    if (status?.kind === 'running' || status?.kind === 'done') return true
    if (!isDown(status)) return undefined
    const cause = status.kind === 'stopped' ? undefined : status.failure
    throw new StartError(`the ${kind} "${id}" cannot start: ${describeStatus(status)}`, { cause })
  }
}
