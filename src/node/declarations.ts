// shell
/** What is declared on a node for the whole mesh: written as specs, waited for, removed again. */

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
import { type SpecBody, needOf } from '../protocol/spec-row.ts'
import type { Kernel } from './kernel.ts'
import { refuseHuge } from './specs/size.ts'
import { type Declared, childrenOf } from './specs/spec.ts'
import type { SpecStatus } from './supervision/spec-status.ts'
import type { WaitOptions, Waiting } from './waiting.ts'

/** How long a declaration waits for a connected node that does not say that it knows of the spec. */
const SPREAD_MS = 500

export type Kind = SpecBody['kind']

export class Declarations {
  readonly #kernel: Kernel
  readonly #waiting: Waiting

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
    const { core, plane } = this.#kernel
    const taken = plane.router.bodyOf(id)
    if (taken !== undefined) throw new AlreadyExistsError(id, taken.kind)
    refuseHuge(id, body)
    const known = new Set(core.ledger.view().flatMap(candidate => candidate.behaviours))
    for (const child of childrenOf(body)) {
      if (known.has(needOf(child))) continue
      const { behaviour, isolation } = child
      if (known.has(behaviour)) throw new IsolationError(behaviour, isolation)
      throw new BehaviourNotFoundError(behaviour, [...known].toSorted())
    }
    this.#kernel.receive({ kind: 'spec-declared', id, body })
    try {
      await this.#spread(id)
      await this.#waiting.until(
        () => this.#isStarted(id, body.kind),
        options,
        timeoutMs => {
          const status = core.statusOf(id)
          return new StartError(
            `the ${body.kind} "${id}" does not run after ${timeoutMs} ms: ${describeStatus(status)}`,
          )
        },
      )
    } catch (error) {
      if (plane.router.bodyOf(id) === body) this.#kernel.receive({ kind: 'spec-removed', id })
      throw error
    }
    return id
  }

  /** Removes the spec, and waits until nothing of it runs any more. @throws {StopError} when that takes too long */
  async remove(id: SpecId, options: WaitOptions): Promise<void> {
    this.#kernel.receive({ kind: 'spec-removed', id })
    const isGone = (): true | undefined =>
      this.#kernel.core.statusOf(id)?.kind === 'removed' ? true : undefined
    await this.#waiting.until(
      isGone,
      options,
      timeoutMs => new StopError(`"${id}" has not stopped after ${timeoutMs} ms: it goes on stopping`),
    )
  }

  /** The spec of that kind. @throws {NotFoundError} */
  get(id: string, kind: Kind): SpecId {
    if (!isSpecId(id) || this.#kernel.plane.router.bodyOf(id)?.kind !== kind)
      throw new NotFoundError(id, kind)
    return id
  }

  /**
   * Waits until the other nodes know of the spec, so that it can be used on any of them and outlives this one. A node
   * that does not answer holds nobody up for long: it hears of it when it can.
   */
  async #spread(id: SpecId): Promise<void> {
    const isSpread = (): true | undefined => (this.#kernel.core.isSpreading(id) ? undefined : true)
    await this.#waiting
      .until(isSpread, { timeoutMs: SPREAD_MS }, () => new Error('a node does not answer'))
      .catch(() => {})
  }

  #isStarted(id: SpecId, kind: Kind): true | undefined {
    const status = this.#kernel.core.statusOf(id)
    if (status?.kind === 'running' || status?.kind === 'done') return true
    if (status?.kind !== 'failed') return undefined
    const message = `the ${kind} "${id}" cannot start: ${describeStatus(status)}`
    throw new StartError(message, { cause: status.failure })
  }
}

function describeStatus(status: SpecStatus | undefined): string {
  switch (status?.kind) {
    case 'pending':
      return status.reason
    case 'restarting':
    case 'done':
    case 'failed': {
      const { failure } = status
      return failure === undefined ? status.kind : `${failure.name}: ${failure.message} (${failure.slot})`
    }
    default:
      return status?.kind ?? 'unknown'
  }
}
