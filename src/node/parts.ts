// shell
/**
 * The members of groups and the stages of chains that run: added, removed, stopped and started anew one by one, from
 * any node, without touching the others. What is asked for is written into the spec; of two changes of one spec that
 * cross, the later one wins, and whoever finds its own gone makes it again.
 */

import {
  AlreadyExistsError,
  NotFoundError,
  OptionsError,
  StartError,
  StopError,
  SupersededError,
} from '../errors.ts'
import { type NodeId, type Run, type SlotId, type SpecId, slotId } from '../ids.ts'
import type { ChainBody, GroupBody, MemberBody, SpecBody, StageBody } from '../protocol/spec-row.ts'
import type { AddOptions, DeclareOptions, Declarations } from './declarations.ts'
import type { Kernel } from './kernel.ts'
import {
  findPart,
  partsOf,
  restartPart,
  stopPart,
  withMember,
  withStage,
  withoutPart,
} from './specs/edits.ts'
import { refuseHuge } from './specs/size.ts'
import { type PartStatus, outlookOf } from './supervision/outlook.ts'
import { type SpecStatus, becauseOf, describeStatus } from './supervision/spec-status.ts'
import { addOptions, checkWait, declareOptions } from './wait-options.ts'
import type { Waiting } from './waiting.ts'
import { refuseFenced } from './workers/scope.ts'

/** A worker of a member or stage, wherever it runs. */
export interface PartWorker extends PartStatus {
  readonly slot: SlotId
  /** Undefined while callers cannot reach it. */
  readonly node: NodeId | undefined
  /** The generation in which it was started. */
  readonly generation: number | undefined
}

/** A member of a group, or a stage of a chain. */
export interface PartInfo {
  readonly id: string
  /** `name@version` of what it runs. */
  readonly behaviour: string
  /** One for a member; as many as the stage has. */
  readonly workers: readonly PartWorker[]
}

type Body = GroupBody | ChainBody
type DoneStatus = SpecStatus & { readonly kind: 'done' }

/** Something that a user wants of a part. */
interface Wish {
  readonly id: SpecId
  readonly part: string
  /** Whether the spec has it. */
  readonly holds: (body: Body) => boolean
  readonly edit: (body: Body) => SpecBody
  /** Whether it has come true. */
  readonly isDone: (body: Body) => boolean
  readonly late: (timeoutMs: number) => Error
}

/** So often a change is made again that was lost to one that crossed it; then somebody does not want it. */
const REPEATS_MAX = 3

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
  list(id: SpecId, kind: Body['kind']): PartInfo[] {
    const body = this.#get(id, kind)
    const { core, plane } = this.#kernel
    const isGone = (owner: Run): boolean => core.ledger.membership.isGone(owner)
    const parts: readonly (MemberBody | StageBody)[] = body.kind === 'group' ? body.members : body.stages
    return parts.map(part => ({
      id: part.id,
      behaviour: part.child.behaviour,
      workers: slotsOf(id, body, part.id).map(slot => {
        const route = plane.router.find(slot)
        const status = plane.router.partStatusOf(id, slot, isGone) ?? { kind: 'starting' }
        return { slot, ...status, node: route?.owner.id, generation: route?.generation.number }
      }),
    }))
  }

  /** @throws {NotFoundError} when there is no such group or chain */
  has(id: SpecId, kind: Body['kind'], part: string): boolean {
    return findPart(this.#get(id, kind), part) !== undefined
  }

  /**
   * Adds a member, the last to start, and waits until it runs.
   * @throws {AlreadyExistsError} {NotFoundError} {BehaviourNotFoundError}; {StartError} when it cannot start: then
   * nothing is left of it, and its siblings have not noticed
   */
  async addMember(id: SpecId, declared: MemberBody, options: AddOptions): Promise<void> {
    refuseFenced()
    checkWait(`the options for "${id}"`, options, addOptions)
    const member = { ...declared, revision: this.#kernel.nextRevision() }
    const body = this.#get(id, 'group')
    this.#refuseTaken(body, member.id, 'member')
    if (options.until !== 'declared') this.#declarations.refuseUnknown([member.child])
    if (body.kind === 'group') refuseHuge(id, withMember(body, member))
    await this.#add(id, member, options, current =>
      current.kind === 'group' ? withMember(current, member) : current,
    )
  }

  /**
   * Adds a stage at a position, 0 for in front of all others, and waits until its workers run. `options` are checked:
   * see `declareStage`. Throws as `addMember`.
   */
  async addStage(id: SpecId, declared: StageBody, position: number, options: AddOptions): Promise<void> {
    refuseFenced()
    const stage = { ...declared, revision: this.#kernel.nextRevision() }
    const body = this.#get(id, 'chain')
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
  async remove(id: SpecId, kind: Body['kind'], part: string, options: DeclareOptions): Promise<void> {
    refuseFenced()
    checkWait(`the options for "${id}"`, options, declareOptions)
    const body = this.#get(id, kind)
    const { revision } = getPart(body, part)
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
        part,
        holds: current => findPart(current, part)?.revision !== revision,
        edit: current => withoutPart(current, part),
        isDone: () => this.#isVacant(id, slots, revision),
        late: timeoutMs => stopError(`${id}/${part}`, timeoutMs),
      },
      options,
    )
  }

  /** Stops the workers of a part, which stays declared, and waits until they have. @throws {NotFoundError} {StopError} */
  async stop(id: SpecId, kind: Body['kind'], part: string, options: DeclareOptions): Promise<void> {
    refuseFenced()
    checkWait(`the options for "${id}"`, options, declareOptions)
    const body = this.#get(id, kind)
    const { revision } = getPart(body, part)
    const slots = slotsOf(id, body, part)
    await this.#make(
      {
        id,
        part,
        holds: current => findPart(current, part)?.isStopped !== false,
        edit: current => stopPart(current, part),
        isDone: () => this.#isVacant(id, slots, revision),
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
  async restart(id: SpecId, kind: Body['kind'], part: string, options: DeclareOptions): Promise<void> {
    refuseFenced()
    checkWait(`the options for "${id}"`, options, declareOptions)
    const { revision } = getPart(this.#get(id, kind), part)
    const next = this.#kernel.nextRevision()
    await this.#make(
      {
        id,
        part,
        holds: current => findPart(current, part)?.revision !== revision,
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
    edit: (body: Body) => SpecBody,
  ): Promise<void> {
    const isIn = (body: Body): boolean => findPart(body, part.id)?.revision === part.revision
    try {
      await this.#make(
        {
          id,
          part: part.id,
          holds: isIn,
          edit: body => (findPart(body, part.id) === undefined ? edit(body) : body),
          isDone: body => options.until === 'declared' || this.#isStarted(id, body, part.id),
          late: timeoutMs => this.#startError(id, part.id, timeoutMs),
        },
        options,
      )
    } catch (error) {
      const body = this.#declarations.bodyOf(id)
      if (body !== undefined && body.kind !== 'worker' && isIn(body))
        this.#declarations.rewrite(id, withoutPart(body, part.id))
      throw error
    }
  }

  /** Writes what is wished for, and waits until it has come true. */
  async #make(wish: Wish, options: DeclareOptions): Promise<void> {
    const { id, part } = wish
    let repeats = 0
    const write = (body: Body): void => {
      const changed = wish.edit(body)
      if (repeats++ > REPEATS_MAX || changed === body) throw new SupersededError(`${id}/${part}`)
      this.#declarations.rewrite(id, changed)
    }
    const body = this.#bodyOf(id)
    if (!wish.holds(body)) write(body)
    const shared = this.#waiting.share(options)
    await this.#declarations.spread(id, shared)
    const look = (): true | undefined => {
      const current = this.#bodyOf(id)
      if (!wish.holds(current)) write(current)
      else if (wish.isDone(current)) return true
      return undefined
    }
    await this.#waiting.until(look, { ...shared, about: id }, wish.late)
  }

  /** Whether all workers of the part have started; where the whole does not run, there is nothing to wait for. */
  #isStarted(id: SpecId, body: Body, part: string): boolean {
    const { core, plane } = this.#kernel
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
  #isShutDown(id: SpecId, body: Body, status: SpecStatus | undefined): status is DoneStatus {
    const phase = this.#kernel.core.ledger.tables.phases.get(id)
    return status?.kind === 'done' && phase !== undefined && outlookOf(phase, body).isShutdown
  }

  /** Why something does not run after so long, and how the whole stands. */
  #startError(id: SpecId, part: string, timeoutMs: number): StartError {
    const status = describeStatus(this.#kernel.core.statusOf(id))
    return new StartError(`"${id}/${part}" does not run after ${timeoutMs} ms; "${id}": ${status}`)
  }

  /** Whether no worker of these slots, started for this revision, is left. */
  #isVacant(id: SpecId, slots: readonly SlotId[], revision: number): boolean {
    const phase = this.#kernel.core.ledger.tables.phases.get(id)
    if (phase === undefined) return true
    const wanted = new Set(slots)
    return !phase.layout.some(
      placed =>
        wanted.has(placed.slot) && placed.revision === revision && !phase.stopped.includes(placed.slot),
    )
  }

  #get(id: SpecId, kind: Body['kind']): Body {
    this.#declarations.refuseIfOver()
    const body = this.#declarations.bodyOf(id)
    if (body === undefined || body.kind === 'worker' || body.kind !== kind) throw new NotFoundError(id, kind)
    return body
  }

  #bodyOf(id: SpecId): Body {
    const body = this.#declarations.bodyOf(id)
    if (body === undefined || body.kind === 'worker') throw new NotFoundError(id, 'group or chain')
    return body
  }

  #refuseTaken(body: Body, part: string, kind: string): void {
    if (findPart(body, part) !== undefined) throw new AlreadyExistsError(part, kind)
  }
}

function getPart(body: Body, part: string): { readonly revision: number } {
  const found = partsOf(body).find(({ id }) => id === part)
  if (found === undefined) throw new NotFoundError(part, body.kind === 'group' ? 'member' : 'stage')
  return found
}

/** The slots of a part, whether it is stopped or not. */
function slotsOf(id: SpecId, body: Body, part: string): SlotId[] {
  if (body.kind === 'group') return [slotId(id, part)]
  const stage = body.stages.find(each => each.id === part)
  return Array.from({ length: stage?.workers ?? 0 }, (_, index) => slotId(id, part, index))
}

function stopError(what: string, timeoutMs: number): StopError {
  return new StopError(`"${what}" has not stopped after ${timeoutMs} ms: it goes on stopping`)
}
