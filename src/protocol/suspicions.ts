// pure
/**
 * Who is suspect, since when, and who says so. A suspicion ends in death when its time is up; the more nodes have
 * found the same on their own, the sooner that is (Lifeguard's dynamic suspicion).
 */

import type { NodeId, Run } from '../ids.ts'
import { type Timings, suspicionRangeMs } from './timings.ts'
import type { Wakefulness } from './wakefulness.ts'

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

/** Until when this node has read whatever had come. */
type Read = Pick<Wakefulness, 'readUntilMs'>

interface Suspicion {
  readonly run: Run
  readonly seq: number
  /** How many nodes there were, this one and the suspect included. */
  readonly count: number
  startedMs: number
  /** No death before, whatever others say. */
  notBeforeMs: number
  /** None by the judgement of this node alone. */
  unsureUntilMs: number
  /** When two nodes had found that the process is gone. */
  refusedMs: number
  /** Since when this node has found so, and nobody else can be heard who could find it, too; Infinity: that is not so. */
  aloneMs: number
  readonly witnesses: Map<NodeId, Evidence>
  /** Others have declared it dead meanwhile. */
  isTold: boolean
  /** How often this node has slept since. */
  sleeps: number
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

/**
 * A death that others tell is put off when this node has slept, so often: who stands still again and again, and is awake
 * for less than that in between, would never learn of it.
 */
const TOLD_SLEEPS_MAX = 1

/** Who could find something against a suspect. */
export interface Jury {
  /** This node. */
  readonly self: NodeId
  /** How many nodes there are now, this one included. */
  readonly count: number
  /** By how much this node gives others more time, as it is late itself. */
  readonly patience: number
  /** Whether a node takes part, and nobody suspects it. */
  readonly isAlive: (witness: NodeId) => boolean
  /** Whether it counts that a node hears nothing of a suspect: it is alive, and well itself. */
  readonly isTrusted: (witness: NodeId) => boolean
  /** How many but `gone` have no session with a suspect now, as far as is known: they cannot find anything against it. */
  readonly countApart: (suspect: NodeId, gone: ReadonlySet<NodeId>) => number
  /** Whether this node was refused by a suspect since it had its last session with it. */
  readonly isRefused: (suspect: NodeId) => boolean
  /** Whether nobody else can be heard. */
  readonly isAlone: (nowMs: number) => boolean
}

export class Suspicions {
  readonly #timings: Timings
  readonly #jury: Jury
  readonly #suspicions = new Map<NodeId, Suspicion>()

  constructor(timings: Timings, jury: Jury) {
    this.#timings = timings
    this.#jury = jury
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
      unsureUntilMs: 0,
      refusedMs: Infinity,
      aloneMs: Infinity,
      witnesses: new Map(),
      isTold: false,
      sleeps: 0,
    })
  }

  /** @returns whether this is new */
  addWitness(accusation: Accusation): boolean {
    const { run, seq, by, evidence } = accusation
    const suspicion = this.#suspicions.get(run.id)
    if (suspicion === undefined || suspicion.run.boot !== run.boot || suspicion.seq !== seq) return false
    const known = suspicion.witnesses.get(by)
    if (known === evidence || known === 'refused') return false
    const isFull = suspicion.witnesses.size >= UNTRUSTED_WITNESSES_MAX
    if (known === undefined && isFull && !this.#counts(by, evidence)) return false
    suspicion.witnesses.set(by, evidence)
    return true
  }

  /** Others have declared the suspect dead: here its time is as short as it gets from now on, and up then, whatever else. */
  onTold(id: NodeId): void {
    const suspicion = this.#suspicions.get(id)
    if (suspicion !== undefined) suspicion.isTold = true
  }

  /** Whether others have declared the suspect dead since it was last heard of. */
  isTold(id: NodeId): boolean {
    return this.#suspicions.get(id)?.isTold ?? false
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
    suspicion.aloneMs = Infinity
    suspicion.witnesses.clear()
    suspicion.isTold = false
    suspicion.sleeps = 0
  }

  /** This node has slept, and may have missed what they said: nobody dies for a period, nor before it may accuse again. */
  onSlept(nowMs: number, { accuseFromMs }: Pick<Wakefulness, 'accuseFromMs'>): void {
    const untilMs = Math.max(nowMs + this.#timings.probePeriodMs, accuseFromMs)
    for (const suspicion of this.#suspicions.values()) {
      if (suspicion.isTold) suspicion.sleeps += 1
      if (suspicion.sleeps <= TOLD_SLEEPS_MAX)
        suspicion.notBeforeMs = Math.max(suspicion.notBeforeMs, untilMs)
    }
  }

  /** This node cannot judge one suspect yet; others may, and tell it so. */
  postpone(id: NodeId, untilMs: number): void {
    const suspicion = this.#suspicions.get(id)
    if (suspicion !== undefined) suspicion.unsureUntilMs = untilMs
  }

  /**
   * Whether this node has been refused for long enough: with nobody else who could tell it otherwise, or another one that was
   * refused as well, or, where nobody confirms it, as long as a suspicion ever lasts. That rests on nothing that this node
   * may have missed or been too late for: the time to refute is over when what had come in it has been read.
   */
  isGone(id: NodeId, nowMs: number, read: Read = { readUntilMs: nowMs }): boolean {
    this.#review(nowMs)
    const suspicion = this.#suspicions.get(id)
    if (suspicion === undefined || !this.#isRefusing(suspicion)) return false
    const { startedMs, refusedMs, aloneMs, count } = suspicion
    const { suspicionFastMs } = this.#timings
    if (aloneMs + suspicionFastMs <= nowMs) return true
    const [, maxMs] = suspicionRangeMs(this.#timings, count)
    const goneMs = Math.min(this.#byTwoMs(refusedMs), startedMs + maxMs)
    return earliestMs(suspicion) <= nowMs && goneMs <= read.readUntilMs
  }

  /** Whose time is up. */
  due(nowMs: number): NodeId[] {
    if (this.#suspicions.size === 0) return []
    this.#review(nowMs)
    const gone = this.#refusing()
    const due: NodeId[] = []
    for (const [id, suspicion] of this.#suspicions) if (this.#dueMs(suspicion, gone) <= nowMs) due.push(id)
    return due
  }

  /** Infinity when nobody is suspect. */
  wakeAtMs(nowMs: number): number {
    if (this.#suspicions.size === 0) return Infinity
    this.#review(nowMs)
    const gone = this.#refusing()
    let wakeAtMs = Infinity
    for (const suspicion of this.#suspicions.values())
      wakeAtMs = Math.min(wakeAtMs, this.#dueMs(suspicion, gone))
    return wakeAtMs
  }

  /** Whether anybody is left to be heard, and whose word counts, changes without a word. */
  #review(nowMs: number): void {
    const isAlone = this.#jury.isAlone(nowMs)
    for (const suspicion of this.#suspicions.values()) {
      const isGone = isAlone && this.#isRefusing(suspicion)
      suspicion.aloneMs = isGone ? Math.min(suspicion.aloneMs, nowMs) : Infinity
      if (suspicion.refusedMs === Infinity && this.#isRefusedByTwo(suspicion)) suspicion.refusedMs = nowMs
    }
  }

  /** Whose ports refuse this node: as far as it can tell, nothing will be heard of them any more. */
  #refusing(): ReadonlySet<NodeId> {
    const refusing = new Set<NodeId>()
    for (const suspicion of this.#suspicions.values())
      if (this.#isRefusing(suspicion)) refusing.add(suspicion.run.id)
    return refusing
  }

  #isRefusing({ run, witnesses }: Suspicion): boolean {
    return witnesses.get(this.#jury.self) === 'refused' && this.#jury.isRefused(run.id)
  }

  /** `gone`: the suspects that refuse this node. They confirm nothing against others. */
  #dueMs(suspicion: Suspicion, gone: ReadonlySet<NodeId>): number {
    const { id } = suspicion.run
    const { startedMs, refusedMs, aloneMs } = suspicion
    const left = this.#jury.count - gone.size + (gone.has(id) ? 1 : 0)
    const count = Math.min(suspicion.count, left)
    const [minMs, maxMs] = suspicionRangeMs(this.#timings, count)
    const confirmations = this.#confirmationsOf(suspicion)
    const isFull =
      suspicion.isTold || confirmations >= confirmationsMax(count, this.#jury.countApart(id, gone))
    const share = isFull ? 1 : (SHORTER_BY[confirmations] ?? 0)
    const slowMs = startedMs + maxMs - (maxMs - minMs) * share
    const fastMs = Math.min(this.#byTwoMs(refusedMs), aloneMs + this.#timings.suspicionFastMs)
    return Math.max(earliestMs(suspicion), Math.min(slowMs, fastMs))
  }

  /** When a suspect that two have found gone has had its time: more where this node, late itself, may not have read all. */
  #byTwoMs(refusedMs: number): number {
    return refusedMs + this.#timings.suspicionFastMs * this.#jury.patience
  }

  #confirmationsOf({ witnesses }: Suspicion): number {
    let counted = 0
    for (const [witness, evidence] of witnesses) if (this.#counts(witness, evidence)) counted += 1
    return Math.min(CONFIRMATIONS, Math.max(0, counted - 1))
  }

  #isRefusedByTwo({ witnesses }: Suspicion): boolean {
    let refused = 0
    for (const [witness, evidence] of witnesses) {
      if (evidence === 'refused' && this.#counts(witness, evidence)) refused += 1
    }
    return refused >= 2
  }

  /** Whoever is late itself may have missed an answer; that a port refuses, the machine of the suspect has said. */
  #counts(witness: NodeId, evidence: Evidence): boolean {
    return evidence === 'refused' ? this.#jury.isAlive(witness) : this.#jury.isTrusted(witness)
  }
}

/** No death of the suspect before. */
function earliestMs({ notBeforeMs, unsureUntilMs, isTold }: Suspicion): number {
  return isTold ? notBeforeMs : Math.max(notBeforeMs, unsureUntilMs)
}

/**
 * So many confirmations make a suspicion as short as it gets. Of all but the suspect and the first who accuses it, those
 * who have a session with it can confirm what that one says.
 */
function confirmationsMax(count: number, apart: number): number {
  return count < CONFIRMING_NODES_MIN ? 0 : Math.min(CONFIRMATIONS, Math.max(0, count - 2 - apart))
}
