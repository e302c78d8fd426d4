// pure
/**
 * Who is suspect, since when, and who says so. A suspicion ends in death when its time is up; the more nodes have
 * found the same on their own, the sooner that is (Lifeguard's dynamic suspicion).
 */

import type { NodeId, Run } from '../ids.ts'
import { type Timings, suspicionRangeMs } from './timings.ts'

/** `silent`: no answer, by whatever way; `refused`: its session has closed, and its port refuses. */
export const EVIDENCES = ['silent', 'refused'] as const
export type Evidence = (typeof EVIDENCES)[number]

/** What one node says against another: soft, it only makes a suspicion shorter. */
export interface Accusation {
  readonly run: Run
  /** What was known of it: a larger sequence number refutes this. */
  readonly seq: number
  readonly by: NodeId
  readonly evidence: Evidence
}

interface Suspicion {
  readonly run: Run
  readonly seq: number
  /** How many nodes there were, this one and the suspect included. */
  readonly count: number
  startedMs: number
  /** No death before, whatever others say. */
  notBeforeMs: number
  /** When enough nodes had found that the process is gone. */
  refusedMs: number
  readonly witnesses: Map<NodeId, Evidence>
}

/**
 * So many further witnesses make a suspicion as short as it gets: memberlist's `SuspicionMult` - 2. Fewer where fewer have
 * met the suspect, as in a mesh that has just formed: nobody else can find anything against it.
 */
const CONFIRMATIONS = 2

/**
 * The word of so many is kept that does not count now: they may be well again, or known, before the suspicion is over.
 * Whoever accuses in the name of others that nobody knows must not make a node grow.
 */
export const UNTRUSTED_WITNESSES_MAX = 32

/** In a smaller mesh there is nobody to confirm: suspicions are short from the beginning. */
const CONFIRMING_NODES_MIN = 4

/** log(c + 1) / log(CONFIRMATIONS + 1) for c confirmations: how much of the way from longest to shortest. */
const SHORTER_BY = [0, 0.6309, 1] as const

export class Suspicions {
  readonly #timings: Timings
  /** Whether what a node says counts: it is alive, and well itself. */
  readonly #isTrusted: (witness: NodeId) => boolean
  /** How many have no session with a suspect now, as far as is known: they cannot find anything against it. */
  readonly #countApart: (suspect: NodeId) => number
  readonly #suspicions = new Map<NodeId, Suspicion>()

  constructor(
    timings: Timings,
    others: {
      readonly isTrusted: (witness: NodeId) => boolean
      readonly countApart: (suspect: NodeId) => number
    },
  ) {
    this.#timings = timings
    this.#isTrusted = others.isTrusted
    this.#countApart = others.countApart
  }

  has(id: NodeId): boolean {
    return this.#suspicions.has(id)
  }

  /** Begins to suspect, or goes on if it does already. `count`: nodes in the mesh, the suspect included. */
  begin(run: Run, seq: number, context: { readonly count: number; readonly nowMs: number }): void {
    const known = this.#suspicions.get(run.id)
    if (known !== undefined && known.run.boot === run.boot && known.seq === seq) return
    this.#suspicions.set(run.id, {
      run: { id: run.id, boot: run.boot },
      seq,
      count: context.count,
      startedMs: context.nowMs,
      notBeforeMs: 0,
      refusedMs: Infinity,
      witnesses: new Map(),
    })
  }

  /** @returns whether this is new */
  addWitness(accusation: Accusation, nowMs: number): boolean {
    const { run, seq, by, evidence } = accusation
    const suspicion = this.#suspicions.get(run.id)
    if (suspicion === undefined || suspicion.run.boot !== run.boot || suspicion.seq !== seq) return false
    const known = suspicion.witnesses.get(by)
    if (known === evidence || known === 'refused') return false
    const isFull = suspicion.witnesses.size >= UNTRUSTED_WITNESSES_MAX
    if (known === undefined && isFull && !this.#isTrusted(by)) return false
    suspicion.witnesses.set(by, evidence)
    if (suspicion.refusedMs === Infinity && this.#isProcessGone(suspicion)) suspicion.refusedMs = nowMs
    return true
  }

  /** The suspect is well, or dead, or another run. */
  end(id: NodeId): void {
    this.#suspicions.delete(id)
  }

  /** The suspect was heard of: everything from the beginning. */
  restart(id: NodeId, nowMs: number): void {
    const suspicion = this.#suspicions.get(id)
    if (suspicion === undefined) return
    suspicion.startedMs = nowMs
    suspicion.refusedMs = Infinity
    suspicion.witnesses.clear()
  }

  /** Nobody is declared dead before `untilMs`: this node has slept, and may have missed what they said. */
  postpone(untilMs: number): void {
    for (const suspicion of this.#suspicions.values()) {
      suspicion.notBeforeMs = Math.max(suspicion.notBeforeMs, untilMs)
    }
  }

  /** Whose time is up. */
  due(nowMs: number): NodeId[] {
    const due: NodeId[] = []
    for (const [id, suspicion] of this.#suspicions) if (this.#dueMs(suspicion) <= nowMs) due.push(id)
    return due
  }

  /** Infinity when nobody is suspect. */
  wakeAtMs(): number {
    let wakeAtMs = Infinity
    for (const suspicion of this.#suspicions.values()) wakeAtMs = Math.min(wakeAtMs, this.#dueMs(suspicion))
    return wakeAtMs
  }

  #dueMs(suspicion: Suspicion): number {
    const { run, startedMs, refusedMs, notBeforeMs, count } = suspicion
    const [minMs, maxMs] = suspicionRangeMs(this.#timings, count)
    const confirmations = this.#confirmationsOf(suspicion)
    const isFull = confirmations >= confirmationsMax(count, this.#countApart(run.id))
    const share = isFull ? 1 : (SHORTER_BY[confirmations] ?? 0)
    const slowMs = startedMs + maxMs - (maxMs - minMs) * share
    return Math.max(notBeforeMs, Math.min(slowMs, refusedMs + this.#timings.suspicionFastMs))
  }

  #confirmationsOf({ witnesses }: Suspicion): number {
    let trusted = 0
    for (const witness of witnesses.keys()) if (this.#isTrusted(witness)) trusted += 1
    return Math.min(CONFIRMATIONS, Math.max(0, trusted - 1))
  }

  /** Two nodes have been refused; in a mesh of two, the only other one. */
  #isProcessGone({ witnesses, count }: Suspicion): boolean {
    let refused = 0
    for (const [witness, evidence] of witnesses) {
      if (evidence === 'refused' && this.#isTrusted(witness)) refused += 1
    }
    return refused >= (count <= 2 ? 1 : 2)
  }
}

/**
 * So many confirmations make a suspicion as short as it gets. Of all but the suspect and the first who accuses it, those
 * who have a session with it can confirm what that one says.
 */
function confirmationsMax(count: number, apart: number): number {
  return count < CONFIRMING_NODES_MIN ? 0 : Math.min(CONFIRMATIONS, Math.max(0, count - 2 - apart))
}
