// shell
/** A group as the users of a node see it: its members can be talked to, and come and go while it runs. */

import { type SpecId, slotId } from '../ids.ts'
import type { Declarations } from './declarations.ts'
import type { AddOptions, DeclareOptions } from './declare-options.ts'
import { GroupRef, type MemberOf, WorkerRef } from './messaging/refs.ts'
import { missing } from './missing.ts'
import type { PartInfo } from './part-info.ts'
import type { Parts } from './parts.ts'
import type { Process, WithArgs } from './specs/child.ts'
import { type MemberSpec, declareMember } from './specs/group-spec.ts'
import type { SpecStatus } from './supervision/spec-status.ts'
import type { WaitOptions } from './waiting.ts'
import type { Gateway } from './workers/gateway.ts'

export interface GroupHandleInit {
  readonly id: SpecId
  readonly gateway: Gateway<number>
  readonly parts: Parts
  readonly declarations: Declarations
  readonly statusOf: (id: SpecId) => SpecStatus | undefined
}

/**
 * Everything here works on any node of the mesh, wherever the members run. What members are added, removed or started
 * anew does not touch their siblings.
 */
export class GroupHandle<
  Members extends readonly MemberSpec[] = readonly MemberSpec[],
> extends GroupRef<Members> {
  readonly #init: GroupHandleInit

  /** @internal */
  constructor(init: GroupHandleInit) {
    super(init.gateway, init.id)
    this.#init = init
  }

  /** How the group stands, as far as this node knows. @throws {NodeStoppedError} when it has stopped */
  get status(): SpecStatus {
    this.#init.declarations.refuseIfOver()
    return this.#init.statusOf(this.id) ?? { kind: 'removed' }
  }

  /** The members, in the order in which they start, with where and how each of them runs. @throws {NotFoundError} */
  members(): PartInfo[] {
    return this.#init.parts.list(this.id, 'group')
  }

  /** A member that the group has now. @throws {NotFoundError} */
  getMember<const Id extends Members[number]['id']>(
    id: Id,
    options: WaitOptions = {},
  ): WorkerRef<MemberOf<Members, Id>> {
    if (!this.#init.parts.has(this.id, 'group', id)) throw missing(id, 'member')
    return this.member(id, options)
  }

  /** A member, or undefined where the group has none of that id now. */
  findMember<const Id extends Members[number]['id']>(
    id: Id,
    options: WaitOptions = {},
  ): WorkerRef<MemberOf<Members, Id>> | undefined {
    return this.#init.parts.has(this.id, 'group', id) ? this.member(id, options) : undefined
  }

  /**
   * Adds a member, the last one to start, and waits until it runs. In a group that a user has stopped, it is declared,
   * and starts with the others: it is `stopped` until then.
   * @throws {OptionsError} {AlreadyExistsError} {NotFoundError} {BehaviourNotFoundError}; {StartError} when it cannot
   * start, as when the group was given up: then nothing is left of it
   */
  async addMember<B extends Process>(
    spec: MemberSpec & { readonly run: B } & WithArgs<B>,
    options: AddOptions = {},
  ): Promise<WorkerRef<B>> {
    const member = declareMember(spec)
    await this.#init.parts.addMember(this.id, member, options)
    return new WorkerRef(this.#init.gateway, slotId(this.id, member.id))
  }

  /** Removes a member, and waits until it has stopped. @throws {NotFoundError} {StopError} */
  async removeMember(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.#init.parts.remove(this.id, 'group', id, options)
  }

  /**
   * Starts a member anew, with an empty state, and waits until it runs: whether it runs now, was stopped, or has ended.
   * It does not count as a restart. In a group that a user has stopped, it starts with the others.
   * @throws {NotFoundError}; {StartError} also where the group was given up, or is done: then it stays declared
   */
  async restartMember(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.#init.parts.restart(this.id, 'group', id, options)
  }

  /**
   * Stops a member, and waits until it has. It stays declared, and down, whatever happens to its siblings, until
   * `restartMember`. @throws {NotFoundError} {StopError}
   */
  async stopMember(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.#init.parts.stop(this.id, 'group', id, options)
  }

  /**
   * Starts all members anew, also those that were given up, with no memory of earlier failures, and waits until they
   * run. Members that were stopped stay so. @throws {NotFoundError} {StartError}
   */
  async restart(options: DeclareOptions = {}): Promise<void> {
    await this.#init.declarations.restart(this.#init.declarations.get(this.id, 'group'), options)
  }

  /** Stops all members, and waits until they have; the group stays declared until `restart`. @throws {NotFoundError} {StopError} */
  async stop(options: DeclareOptions = {}): Promise<void> {
    await this.#init.declarations.stop(this.#init.declarations.get(this.id, 'group'), options)
  }
}
