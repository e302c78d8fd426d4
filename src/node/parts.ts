// shell
/**
 * The members of groups and the stages of chains that run: added, removed, stopped and started anew one by one, from
 * any node, without touching the others. What is asked for is written into the spec. Of two changes of one part that cross,
 * the later one counts, and whoever was overtaken ends as soon as it is known how; those of several parts are all made.
 */

import { AlreadyExistsError, NotFoundError, OptionsError, StartError, StopError } from '../errors.ts'
import type { SlotId, SpecId } from '../ids.ts'
import { hasParts } from '../protocol/part-edits.ts'
import type { FateBody, MemberBody, SpecBody, StageBody } from '../protocol/spec-row.ts'
import type { SpreadOptions } from './acknowledged.ts'
import type { Declarations } from './declarations.ts'
import type { AddOptions, DeclareOptions } from './declare-options.ts'
import type { Kernel } from './kernel.ts'
import { missing } from './missing.ts'
import { type PartInfo, listParts } from './part-info.ts'
import {
  type Part,
  findPart,
  isAt,
  slotsOf,
  restartPart,
  stopPart,
  withMember,
  withStage,
  withoutPart,
} from './specs/edits.ts'
import { refuseInsignificant } from './specs/group-spec.ts'
import { refuseHuge } from './specs/size.ts'
import { outlookOf } from './supervision/outlook.ts'
import { type SpecStatus, becauseOf, describeStatus } from './supervision/spec-status.ts'
import { addOptions, checkWait, declareOptions } from './wait-options.ts'
import type { Waiting } from './waiting.ts'
import { refuseFenced } from './workers/scope.ts'

type DoneStatus = SpecStatus & { readonly kind: 'done' }

/** Something that a user wants of a part. */
interface Wish {
  readonly id: SpecId
  /** Whether the spec has it. */
  readonly holds: (body: FateBody) => boolean
  readonly edit: (body: FateBody) => SpecBody
  /** Whether it has come true, or cannot any more as it was overtaken: then it throws. */
  readonly isDone: (body: FateBody) => boolean
  readonly late: (timeoutMs: number) => Error
}

export class Parts {
  readonly #kernel: Kernel
  readonly #waiting: Waiting
  readonly #declarations: Declarations

  constructor(kernel: Kernel, waiting: Waiting, declarations: Declarations) {
    this.#kernel = kernel
    this.#waiting = waiting
    this.#declarations = declarations
  }

  /** In the order in which they are listed. @throws {NotFoundError} */
  list(id: SpecId, kind: FateBody['kind']): PartInfo[] {
    return listParts(id, this.#get(id, kind), this.#kernel)
  }

  /** @throws {NotFoundError} when there is no such group or chain */
  has(id: SpecId, kind: FateBody['kind'], part: string): boolean {
    return findPart(this.#get(id, kind), part) !== undefined
  }

  /**
   * Adds a member, the last to start, and waits until it runs.
   * @throws {OptionsError} {AlreadyExistsError} {NotFoundError} {BehaviourNotFoundError}; {StartError} when it cannot
   * start: then nothing is left of it, and its siblings have not noticed
   */
  async addMember(id: SpecId, declared: MemberBody, options: AddOptions): Promise<void> {
    refuseFenced()
    checkWait(`the options for "${id}"`, options, addOptions)
    const member = { ...declared, revision: this.#kernel.nextRevision() }
    const body = this.#latest(id, 'group')
    if (body.kind === 'group') refuseInsignificant(body, member)
    this.#refuseTaken(body, member.id, 'member')
    if (options.until !== 'declared') this.#declarations.refuseUnknown([member.child])
    if (body.kind === 'group') refuseHuge(id, withMember(body, member))
    await this.#add(id, member, options, current =>
      current.kind === 'group' ? withMember(current, member) : current,
    )
  }

  /**
   * Adds a stage at a position, 0 for in front of all others and Infinity for behind them, also behind those that nobody was
   * told of yet, and waits until its workers run. `options` are checked:
   * see `declareStage`. Throws as `addMember`.
   */
  async addStage(id: SpecId, declared: StageBody, position: number, options: AddOptions): Promise<void> {
    refuseFenced()
    const stage = { ...declared, revision: this.#kernel.nextRevision() }
    const body = this.#latest(id, 'chain')
    this.#refuseTaken(body, stage.id, 'stage')
    if (options.until !== 'declared') this.#declarations.refuseUnknown([stage.child])
    if (body.kind === 'chain') refuseHuge(id, withStage(body, stage, position))
    await this.#add(id, stage, options, current =>
      current.kind === 'chain' ? withStage(current, stage, position) : current,
    )
  }

  /**
   * Removes a part, and waits until its workers have stopped. A chain keeps its last stage, a group may be empty.
   * @throws {NotFoundError} {StopError}; {OptionsError} when it is the only stage of a chain
   */
  async remove(id: SpecId, kind: FateBody['kind'], part: string, options: DeclareOptions): Promise<void> {
    refuseFenced()
    checkWait(`the options for "${id}"`, options, declareOptions)
    const body = this.#latest(id, kind)
    getPart(body, part)
    if (body.kind === 'chain' && body.stages.length === 1) {
      const problem = {
        path: part,
        found: 'the only stage',
        wanted: 'a stage beside it: or remove the chain',
      }
      throw new OptionsError(`removeStage of "${id}"`, [problem])
    }
    const slots = slotsOf(id, body, part)
    await this.#make(
      {
        id,
        holds: current => findPart(current, part) === undefined,
        edit: current => withoutPart(current, part),
        isDone: current => this.#isVacant(id, slots, current, part),
        late: timeoutMs => stopError(`${id}/${part}`, timeoutMs),
      },
      options,
    )
  }

  /** Stops the workers of a part, which stays declared, and waits until they have. @throws {NotFoundError} {StopError} */
  async stop(id: SpecId, kind: FateBody['kind'], part: string, options: DeclareOptions): Promise<void> {
    refuseFenced()
    checkWait(`the options for "${id}"`, options, declareOptions)
    const body = this.#latest(id, kind)
    getPart(body, part)
    const slots = slotsOf(id, body, part)
    await this.#make(
      {
        id,
        holds: current => findPart(current, part)?.isStopped !== false,
        edit: current => stopPart(current, part),
        isDone: current => this.#isVacant(id, slots, current, part),
        late: timeoutMs => stopError(`${id}/${part}`, timeoutMs),
      },
      options,
    )
  }

  /**
   * Starts the workers of a part anew, with an empty state, and waits until they run: whether they run now, were
   * stopped, have ended or could not start. Nobody else is touched. @throws {NotFoundError}; {StartError}: then it
   * stays declared
   */
  async restart(id: SpecId, kind: FateBody['kind'], part: string, options: DeclareOptions): Promise<void> {
    refuseFenced()
    checkWait(`the options for "${id}"`, options, declareOptions)
    getPart(this.#latest(id, kind), part)
    const next = this.#kernel.nextRevision()
    await this.#make(
      {
        id,
        holds: current => isAt(findPart(current, part), next),
        edit: current => restartPart(current, part, next),
        isDone: current => this.#isStarted(id, current, part),
        late: timeoutMs => this.#startError(id, part, timeoutMs),
      },
      options,
    )
  }

  async #add(
    id: SpecId,
    part: { readonly id: string; readonly revision: number },
    options: AddOptions,
    edit: (body: FateBody) => SpecBody,
  ): Promise<void> {
    const isIn = (body: FateBody): boolean => isAt(findPart(body, part.id), part.revision)
    const isDeclared = (body: FateBody): boolean =>
      options.until === 'declared' && findPart(body, part.id) !== undefined
    const findWith = (): FateBody | undefined => {
      const body = this.#declarations.latestOf(id)
      return body !== undefined && body.kind !== 'worker' && isIn(body) ? body : undefined
    }
    try {
      await this.#make(
        {
          id,
          holds: isIn,
          edit,
          isDone: body => isDeclared(body) || this.#isStarted(id, body, part.id),
          late: timeoutMs => this.#startError(id, part.id, timeoutMs),
        },
        { ...options, isTakenBack: () => findWith() !== undefined },
      )
    } catch (error) {
      const body = findWith()
      if (body !== undefined) this.#declarations.rewrite(id, withoutPart(body, part.id))
      throw error
    }
  }

  /** Writes what is wished for, and waits until it has come true, or was overtaken. */
  async #make({ id, holds, edit, isDone, late }: Wish, options: SpreadOptions): Promise<void> {
    const body = partedOf(id, this.#declarations.latestOf(id))
    const isAsked = options.ack !== undefined && options.ack !== 'local'
    // Who knows of it is known of what is written now only.
    if (!holds(body)) this.#declarations.rewrite(id, edit(body))
    else if (isAsked) this.#declarations.rewrite(id, body)
    const shared = this.#waiting.share(options)
    await this.#declarations.spread(id, shared)
    const isReached = (): true | undefined => isDone(partedOf(id, this.#declarations.bodyOf(id))) || undefined
    await this.#waiting.until(isReached, { ...shared, about: id }, late)
  }

  /**
   * Whether all workers of the part have started; where the whole does not run, there is nothing to wait for.
   * @throws {NotFoundError} {StartError} when it was removed or stopped meanwhile, or cannot start
   */
  #isStarted(id: SpecId, body: FateBody, part: string): boolean {
    const { core, plane } = this.#kernel
    if (getPart(body, part).isStopped)
      throw new StartError(`"${id}/${part}" does not start: it was stopped after this was asked for`)
    const status = core.statusOf(id)
    if (status?.kind === 'stopped') return true
    if (status?.kind === 'gave-up' || status?.kind === 'failed' || this.#isShutDown(id, body, status)) {
      const why = becauseOf(status, body.kind, id)
      throw new StartError(`"${id}/${part}" cannot start, "${id}" does not run${why}`, {
        cause: status.failure,
      })
    }
    return slotsOf(id, body, part).every(slot => {
      const worker = plane.router.partStatusOf(id, slot)
      if (worker?.kind === 'failed') {
        const { failure } = worker
        const why = failure === undefined ? '' : `: ${failure.name}: ${failure.message}`
        throw new StartError(`"${slot}" cannot start${why}`, { cause: failure })
      }
      return worker?.kind === 'running' || worker?.kind === 'ended'
    })
  }

  /** Whether a group has ended with its significant members: then nothing of it starts any more. */
  #isShutDown(id: SpecId, body: FateBody, status: SpecStatus | undefined): status is DoneStatus {
    const phase = this.#kernel.core.ledger.tables.phases.get(id)
    return status?.kind === 'done' && phase !== undefined && outlookOf(phase, body).isShutdown
  }

  /** Why something does not run after so long, and how the whole stands. */
  #startError(id: SpecId, part: string, timeoutMs: number): StartError {
    const status = describeStatus(this.#kernel.core.statusOf(id))
    return new StartError(`"${id}/${part}" does not run after ${timeoutMs} ms; "${id}": ${status}`)
  }

  /** Whether no worker of these slots is left, but for those that the spec wants now. One whose node is gone is not. */
  #isVacant(id: SpecId, slots: readonly SlotId[], body: FateBody, part: string): boolean {
    const { tables, membership } = this.#kernel.core.ledger
    const phase = tables.phases.get(id)
    if (phase === undefined) return true
    const now = findPart(body, part)
    const left = new Set(slots)
    return !phase.layout.some(
      ({ slot, revision, owner }) =>
        left.has(slot) && !isAt(now, revision) && !phase.stopped.includes(slot) && !membership.isGone(owner),
    )
  }

  /** As users here were told of it. */
  #get(id: SpecId, kind: FateBody['kind']): FateBody {
    this.#declarations.refuseIfOver()
    return partedOf(id, this.#declarations.bodyOf(id), kind)
  }

  /** To change it. */
  #latest(id: SpecId, kind: FateBody['kind']): FateBody {
    this.#declarations.refuseIfOver()
    return partedOf(id, this.#declarations.latestOf(id), kind)
  }

  #refuseTaken(body: FateBody, part: string, kind: string): void {
    if (findPart(body, part) !== undefined) throw new AlreadyExistsError(part, kind)
  }
}

function partedOf(id: SpecId, body: SpecBody | undefined, kind?: FateBody['kind']): FateBody {
  const wanted = kind ?? body?.kind
  if (!hasParts(body) || body.kind !== wanted) throw new NotFoundError(id, kind ?? 'group or chain')
  return body
}

function getPart(body: FateBody, part: string): Part {
  const found = findPart(body, part)
  if (found === undefined) throw missing(part, body.kind === 'group' ? 'member' : 'stage')
  return found
}

function stopError(what: string, timeoutMs: number): StopError {
  return new StopError(`"${what}" has not stopped after ${timeoutMs} ms: it goes on stopping`)
}
