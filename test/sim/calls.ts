/**
 * Calls that nodes make while all kinds of things happen, and what must hold of each: executed at most once, settled in
 * time, and never by the answer to another one.
 */

import type { NodeId } from '../../src/ids.ts'
import type { Node } from '../../src/node/node.ts'
import type { Prng } from '../../src/prng.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { InvariantError } from './invariant-error.ts'

interface Asked {
  readonly id: number
  readonly name: NodeId
  /** The run of the node that asks. */
  readonly node: Node
  /** By the clock of that node. */
  readonly dueMs: number
  /** Undefined while it waits, or for ever where its node is gone. */
  outcome: 'answered' | 'not executed' | 'maybe executed' | undefined
}

const TIMEOUT_MS_MIN = 20
const TIMEOUT_MS_MAX = 5_000

/** A look every 50 ms, and a clock that changes its pace in the middle of a wait. */
const TICK_MS = 250

/** Executes a call: `tookMs` is how long it shall take. @returns the number of the call */
export type Ask = (options: { readonly timeoutMs: number }, id: number, tookMs: number) => Promise<number>

export class Calls {
  readonly #prng: Prng
  readonly #asked: Asked[] = []
  /** Those without an outcome. */
  readonly #open = new Set<Asked>()
  /** How often each call was executed. */
  readonly #executed = new Map<number, number>()
  #violation: string | undefined

  constructor(prng: Prng) {
    this.#prng = prng
  }

  /** Whether any call waits for its outcome. */
  get isOpen(): boolean {
    return this.#open.size > 0
  }

  /** A worker is at it. */
  onExecuted(id: number): void {
    this.#executed.set(id, (this.#executed.get(id) ?? 0) + 1)
  }

  make(mesh: SimulatedMesh, name: NodeId, ask: Ask): void {
    const timeoutMs = this.#prng.chance(0.5)
      ? TIMEOUT_MS_MAX
      : this.#prng.between(TIMEOUT_MS_MIN, TIMEOUT_MS_MAX)
    const dueMs = mesh.timeOf(name) + timeoutMs
    const asked: Asked = { id: this.#asked.length, name, node: mesh.node(name), dueMs, outcome: undefined }
    this.#asked.push(asked)
    this.#open.add(asked)
    const tookMs = this.#prng.chance(0.3) ? this.#prng.below(300) : 0
    ask({ timeoutMs }, asked.id, tookMs).then(
      answer => this.#onAnswer(asked, answer),
      (error: unknown) => {
        const isSafe =
          typeof error === 'object' && error !== null && Reflect.get(error, 'maybeExecuted') !== true
        this.#settle(asked, isSafe ? 'not executed' : 'maybe executed')
      },
    )
  }

  /** Nobody of this node waits any more. */
  onCrash(node: string): void {
    for (const asked of this.#open) if (asked.name === node) this.#settle(asked, 'maybe executed')
  }

  /** At any time. I43: every call is settled when its time is over, by the clock of the node that has made it. */
  check(mesh: SimulatedMesh): void {
    for (const { id, name, node, dueMs } of this.#open) {
      if (!mesh.awake.includes(name) || mesh.node(name) !== node) continue
      const lateMs = mesh.timeOf(name) - dueMs
      if (lateMs > TICK_MS)
        this.#violation ??= `I43: call ${id} of ${name} waits, ${lateMs} ms after its time is over`
    }
    if (this.#violation !== undefined) throw new InvariantError(this.#violation)
  }

  /** I42: a call is executed at most once; not at all when it says so; once when it was answered. */
  checkSettled(): void {
    for (const { id, outcome } of this.#asked) {
      const times = this.#executed.get(id) ?? 0
      const isRight =
        outcome === 'answered' ? times === 1 : outcome === 'not executed' ? times === 0 : times <= 1
      if (!isRight) throw new InvariantError(`I42: call ${id} was ${outcome}, and executed ${times} times`)
    }
  }

  #onAnswer(asked: Asked, answer: number): void {
    this.#settle(asked, 'answered')
    if (answer !== asked.id) this.#violation ??= `I43: call ${asked.id} got the answer to ${answer}`
  }

  #settle(asked: Asked, outcome: Asked['outcome']): void {
    asked.outcome ??= outcome
    this.#open.delete(asked)
  }
}
