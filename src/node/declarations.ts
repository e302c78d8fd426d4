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
  SupersededError,
} from '../errors.ts'
import { LATER } from '../error-message.ts'
import { type NodeId, type Run, type SpecId, isSpecId, slotId, specId } from '../ids.ts'
import { type Hlc, compareHlc } from '../protocol/hlc.ts'
import {
  type ChildSpec,
  type DesiredState,
  type SpecBody,
  type SpecChange,
  type SpecKind,
  type SpecRow,
  type SpecWrite,
  needOf,
} from '../protocol/spec-row.ts'
import { type SpreadOptions, isAcknowledged, lackOf } from './acknowledged.ts'
import type { Ack, AddOptions, DeclareOptions, Until } from './declare-options.ts'
import type { Kernel } from './kernel.ts'
import { missing } from './missing.ts'
import { isRemovalOf, isReplaced } from './overtaking.ts'
import type { Inputs } from './input-feed.ts'
import type { Spread, Watch } from './spreading.ts'
import { isStarted } from './started.ts'
import { refuseCrowded, refuseHuge } from './specs/size.ts'
import { renew } from './specs/edits.ts'
import { contentOf } from './specs/spec-content.ts'
import { type Declared, needsOf } from './specs/spec.ts'
import { hasRemnants } from './supervision/remnants.ts'
import { describeStatus } from './supervision/spec-status.ts'
import { addOptions, checkWait, declareOptions } from './wait-options.ts'
import type { SharedWait, WaitOptions, Waiting } from './waiting.ts'
import { isCodeOf, refuseFenced } from './workers/scope.ts'

/** Where nothing is said, so long a declaration waits for the others, once one other node has it. */
const SPREAD_MS = 500

/**
 * `decided`: it runs, or no live node can run it. `restarted`: it runs again, and stays declared if it does not.
 */
type Goal = Until | 'decided' | 'restarted'

/** What is to run. */
interface Wanted {
  readonly change: SpecChange
  readonly body: SpecBody
}

export class Declarations {
  readonly #kernel: Kernel
  readonly #waiting: Waiting
  readonly #inputs: Inputs
  /** Why the node takes no declarations any more. */
  #why: (() => Error) | undefined
  /** What was asked for in this turn, and is not written yet. */
  #changes = new Map<SpecId, SpecWrite>()
  /** As what each change was written; none where another one was asked for in the same turn. */
  readonly #versions = new WeakMap<SpecChange, Hlc>()

  constructor(kernel: Kernel, waiting: Waiting, inputs: Inputs) {
    this.#kernel = kernel
    this.#waiting = waiting
    this.#inputs = inputs
  }

  /**
   * Writes the spec, and waits until it runs and the other nodes know of it. Where it cannot start, nothing is left.
   * @throws {AlreadyExistsError} {BehaviourNotFoundError} {PayloadError} {StartError} {AckError} {SupersededError}
   */
  async add(declared: Declared<SpecBody>, options: AddOptions): Promise<SpecId> {
    return this.#add(declared, {}, options)
  }

  /**
   * The same for what a config says: other nodes may say it too, now or before they meet this one, and nodes that can run
   * it may come later. So it is waited for until it runs, or until no live node can run it: then it stays, and is pending.
   * What a user has removed, and is the same as here, stays so.
   * @returns whether it was added, was there, stays removed, or another node has declared it at the same time, later
   */
  async addOfConfig(
    declared: Declared<SpecBody> & { readonly id: SpecId },
    options: DeclareOptions,
  ): Promise<'added' | 'present' | 'removed' | 'superseded'> {
    this.refuseIfClosed()
    const known = this.#latest(declared.id)
    const content = contentOf(declared.body)
    if (isRemovalOf(known, content)) return 'removed'
    try {
      const said = known === undefined ? { content } : { configContent: content }
      await this.#add(declared, { ...said, goal: 'decided' }, options)
      return 'added'
    } catch (error) {
      if (error instanceof AlreadyExistsError) return 'present'
      if (error instanceof SupersededError) return 'superseded'
      if (error instanceof NotFoundError && isRemovalOf(this.#latest(declared.id), content)) return 'removed'
      throw error
    }
  }

  async #add(
    declared: Declared<SpecBody>,
    how: Pick<SpecChange, 'content' | 'configContent'> & { readonly goal?: Goal },
    options: AddOptions,
  ): Promise<SpecId> {
    refuseFenced()
    // What this node was to read for its worker would end with the node.
    if (declared.input !== undefined) this.#refuse()
    const shared = this.#waiting.share(
      checkWait(`the options for a ${declared.body.kind}`, options, addOptions),
    )
    const { content, configContent, goal = shared.until ?? 'running' } = how
    // Members and stages that two nodes have declared alike before they met are the same ones.
    const body = renew(declared.body, content ?? this.#kernel.nextRevision())
    const id = specId(declared.id ?? randomUUID().replaceAll('-', ''))
    const taken = this.latestOf(id)
    if (taken !== undefined) throw new AlreadyExistsError(id, taken.kind)
    refuseHuge(id, body)
    if (goal === 'running') this.refuseUnknown(needsOf(body))
    const removedContent = this.#latest(id)?.removedContent
    const change: SpecChange = { id, body, desired: 'running', content, configContent, removedContent }
    const wanted = { change, body }
    const isTakenBack = (): boolean => this.latestOf(id) === body && this.#isLatest(change)
    this.#inputs.end(id)
    this.#write(change)
    try {
      await this.spread(id, { ...shared, isTakenBack })
      await this.#reached(goal, wanted, shared)
    } catch (error) {
      if (isTakenBack()) this.#write({ id, body: undefined, desired: 'stopped', removedContent })
      throw error
    }
    const worker = { id, isReplaced: () => this.#isReplaced(wanted) }
    if (declared.input !== undefined) this.#inputs.add(worker, declared.input)
    return id
  }

  /** The node stops, for that reason: it takes no declarations, and what it reads for its workers is read no more. */
  close(why: () => Error): void {
    this.#why ??= why
    this.#inputs.close()
  }

  /**
   * For whoever asks, also later: code of a worker of this node goes on until it is told to stop.
   * @returns what throws a `NodeStoppedError` or `DuplicateIdentityError` from when the node begins to stop, or has
   */
  refusal(): () => void {
    const isOwn = isCodeOf(this.#kernel.core.self.id)
    return () => (isOwn ? this.refuseIfOver() : this.#refuse())
  }

  /** @throws {NodeStoppedError} {DuplicateIdentityError} as of whoever asks: see `refusal` */
  refuseIfClosed(): void {
    this.refusal()()
  }

  /** @throws {NodeStoppedError} {DuplicateIdentityError} when the node has stopped: it knows nothing of the mesh any more */
  refuseIfOver(): void {
    if (this.#kernel.plane.router.isOver) this.#refuse()
  }

  #refuse(): void {
    if (this.#why !== undefined) throw this.#why()
  }

  /**
   * Removes the spec, and waits until nothing of it runs any more: but for what was declared under its id since.
   * @throws {StopError} when that takes too long
   */
  async remove(id: SpecId, options: DeclareOptions): Promise<void> {
    const removedContent = this.#contentOf(id)
    await this.#end({ id, body: undefined, desired: 'stopped', removedContent }, options)
  }

  /** The same of what this node has declared, and what nobody wants gone: it may be declared again. @throws {StopError} */
  async takeBack(id: SpecId): Promise<void> {
    const removedContent = this.#latest(id)?.removedContent
    await this.#end({ id, body: undefined, desired: 'stopped', removedContent }, {})
  }

  /** Stops what runs of the spec, and waits until it has. It stays declared: see `remove`. @throws {StopError} */
  async stop(id: SpecId, options: WaitOptions): Promise<void> {
    await this.#end({ id, body: this.latestOf(id), desired: 'stopped' }, options)
  }

  /**
   * Stops what runs of the spec and starts it anew, with no memory of earlier failures: also one that was stopped, has
   * ended or was given up. @throws {StartError} when it does not start: it stays declared
   */
  async restart(id: SpecId, options: WaitOptions): Promise<void> {
    refuseFenced()
    const shared = this.#waiting.share(checkWait(`the options for "${id}"`, options, declareOptions))
    const body = this.latestOf(id)
    if (body === undefined) return
    const renewed = renew(body, this.#kernel.nextRevision())
    const change: SpecChange = { id, body: renewed, desired: 'running' }
    this.#change(change, true)
    await this.spread(id, shared)
    await this.#reached('restarted', { change, body: renewed }, shared)
  }

  /** The spec of that kind, if there is one. */
  find(id: string, kind: SpecKind): SpecId | undefined {
    return isSpecId(id) && this.bodyOf(id)?.kind === kind ? id : undefined
  }

  /** The spec of that kind. @throws {NotFoundError}; {OptionsError} when the id is no text */
  get(id: string, kind: SpecKind): SpecId {
    this.refuseIfOver()
    const found = this.find(id, kind)
    if (found === undefined) throw missing(id, kind)
    return found
  }

  /** Writes another body of a spec that is there, made from the latest one; whether it is to run stays as it is. */
  rewrite(id: SpecId, body: SpecBody): void {
    this.#change({ id, body, desired: this.#desiredOf(id) }, false)
  }

  #desiredOf(id: SpecId): DesiredState {
    return this.#latest(id)?.desired ?? 'running'
  }

  #latest(id: SpecId): SpecChange | undefined {
    return this.#changes.get(id) ?? this.#rowOf(id)
  }

  #rowOf(id: SpecId): SpecRow | undefined {
    return this.#kernel.core.ledger.tables.specs.get(id)
  }

  /** Whether it was removed, and its row is dropped already, as that of one of many. */
  #isForgotten(id: SpecId): boolean {
    const { tombstones } = this.#kernel.core.ledger
    return !this.#changes.has(id) && !this.#rowOf(id) && tombstones.findRemoval(id) !== undefined
  }

  /** What the spec says: as the config has it that has declared it, whatever was changed since. */
  #contentOf(id: SpecId): number | undefined {
    const row = this.#rowOf(id)
    const { content, configContent } = row?.edits ?? row ?? {}
    const body = this.latestOf(id)
    return body && (content ?? configContent ?? contentOf(body))
  }

  /** Whether nobody has asked for anything else of the spec since. */
  #isLatest(change: SpecChange): boolean {
    const version = this.#versions.get(change)
    const row = this.#rowOf(change.id)
    if (version === undefined || row === undefined || this.#changes.has(change.id)) return false
    return compareHlc(row.version, version) === 0
  }

  /** The body of a spec as this node will know it at the end of the turn. */
  bodyOf(id: SpecId): SpecBody | undefined {
    const change = this.#changes.get(id)
    return change === undefined ? this.#kernel.plane.router.bodyOf(id) : change.body
  }

  /**
   * The same with what has come in the step that is being taken, of which nobody here was told yet: who listens to what is
   * told first, and changes something, must not undo it. So whatever is written, is made from this.
   */
  latestOf(id: SpecId): SpecBody | undefined {
    const change = this.#changes.get(id)
    return change === undefined ? this.#rowOf(id)?.body : change.body
  }

  /** Changes what is declared. `isDesired`: whether it is to run was asked for. */
  #change(change: SpecChange, isDesired: boolean): void {
    const pending = this.#changes.get(change.id)
    const base = pending === undefined ? this.#rowOf(change.id) : pending.base
    refuseCrowded(change.id, base?.body, change.body)
    this.#write({ ...change, base, isDesired: isDesired || pending?.isDesired })
  }

  /** Everything that is asked for in one turn is written, told and placed at once. */
  #write(change: SpecWrite): void {
    if (this.#changes.size === 0) queueMicrotask(() => this.#flush())
    this.#changes.set(change.id, change)
  }

  #flush(): void {
    const changes = [...this.#changes.values()]
    this.#changes = new Map()
    this.#kernel.receive({ kind: 'specs-written', changes })
    for (const change of changes) {
      const row = this.#rowOf(change.id)
      if (row !== undefined) this.#versions.set(change, row.version)
    }
  }

  /** @throws {BehaviourNotFoundError} {IsolationError} when no live node can run one of these */
  refuseUnknown(children: readonly Pick<ChildSpec, 'behaviour' | 'isolation'>[]): void {
    const { ledger } = this.#kernel.core
    const isKnown = (need: string): boolean => ledger.view().some(node => node.behaviours.includes(need))
    for (const { behaviour, isolation } of children) {
      if (isKnown(needOf({ behaviour, isolation }))) continue
      if (isKnown(behaviour)) throw new IsolationError(behaviour, isolation, LATER)
      throw new BehaviourNotFoundError(behaviour, ledger.behaviours())
    }
  }

  async #reached(goal: Goal, wanted: Wanted, options: SharedWait): Promise<void> {
    const { id } = wanted.change
    const { core } = this.#kernel
    const isReached = (): true | undefined => {
      const row = this.#rowOf(id)
      if (this.#isForgotten(id)) throw new NotFoundError(id, wanted.body.kind)
      if (row === undefined) return undefined
      if (goal !== 'restarted' && this.#isReplaced(wanted)) throw new SupersededError(id)
      if (row.body === undefined) throw new NotFoundError(id, wanted.body.kind)
      if (goal === 'declared' || isStarted(row, core.statusOf(id))) return true
      return goal === 'decided' && core.statusOf(id)?.kind === 'pending' ? true : undefined
    }
    await this.#waiting.until(isReached, { ...options, about: id }, timeoutMs => {
      const status = core.statusOf(id)
      const hint = goal === 'running' && status?.kind === 'pending' ? LATER : ''
      const why = `${describeStatus(status)}${hint}`
      return new StartError(`the ${wanted.body.kind} "${id}" does not run after ${timeoutMs} ms: ${why}`)
    })
  }

  /** Writes it, and waits until what was to stop has: whatever is to run in its place since. */
  async #end(change: SpecChange, options: DeclareOptions): Promise<void> {
    refuseFenced()
    const { id } = change
    const shared = this.#waiting.share(checkWait(`the options for "${id}"`, options, declareOptions))
    const { tables, membership } = this.#kernel.core.ledger
    // In the step that is being told: one more removal would be of what others declare in its place.
    const isRemoved = !this.#changes.has(id) && this.#rowOf(id)?.body === undefined
    if (!isRemoved) this.#change(change, true)
    await this.spread(id, isRemoved ? { ...shared, ack: 'local' } : shared)
    const isGone = (owner: Run): boolean => membership.isGone(owner)
    const isEnded = (): true | undefined => {
      const row = this.#rowOf(id)
      if (row === undefined) return this.#isForgotten(id) ? true : undefined
      const held = { claim: tables.claims.get(slotId(id)), phase: tables.phases.get(id), isGone }
      const isOvertaken = row.body !== undefined && row.desired === 'running'
      if (isOvertaken) return hasRemnants(row, held) ? undefined : true
      const kind = this.#kernel.core.statusOf(id)?.kind
      return kind === 'stopped' || kind === 'removed' ? true : undefined
    }
    await this.#waiting.until(
      isEnded,
      { ...shared, about: id },
      timeoutMs => new StopError(`"${id}" has not stopped after ${timeoutMs} ms: it goes on stopping`),
    )
  }

  /** Waits until as many other nodes know of what was written as is wanted. @throws {AckError} */
  async spread(id: SpecId, options: SpreadOptions & SharedWait): Promise<void> {
    const { spreading } = this.#kernel.core
    const { ack } = options
    const watch = spreading.watch(id)
    try {
      // What was written in this turn has gone out in the next microtask.
      await Promise.resolve()
      await this.#acknowledged(watch, ack ?? 'one', options)
      if (ack === undefined) {
        const soon = this.#waiting.share({ timeoutMs: SPREAD_MS }, options.untilMs)
        await this.#acknowledged(watch, 'connected', soon).catch(() => {})
      }
    } finally {
      spreading.unwatch(watch)
    }
  }

  async #acknowledged(
    watch: Watch,
    ack: Ack | 'connected',
    options: SpreadOptions & SharedWait,
  ): Promise<void> {
    const { spreading, ledger } = this.#kernel.core
    const { spec: id } = watch
    const present = (): readonly NodeId[] => ledger.membership.present().map(row => row.id)
    const spread = (): Spread => spreading.of(watch, present())
    const isEnough = (): true | undefined => (isAcknowledged(ack, spread()) ? true : undefined)
    if (isEnough() === true) return
    await this.#waiting.until(isEnough, { ...options, about: id }, timeoutMs => {
      const isTakenBack = options.isTakenBack?.() ?? false
      return lackOf(id, spread(), { ack, timeoutMs, isTakenBack })
    })
  }

  #isReplaced({ change, body }: Wanted): boolean {
    return isReplaced(this.#rowOf(change.id), body, this.#versions.get(change))
  }
}
