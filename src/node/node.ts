// shell
/** A node of the mesh, as its users see it. */

import { DuplicateIdentityError, NodeStoppedError } from '../errors.ts'
import { type NodeId, type SlotId, type SpecId, slotId } from '../ids.ts'
import type { SpecBody, SpecKind } from '../protocol/spec-row.ts'
import { atMost } from './at-most.ts'
import type { FinalOf, InputOf, InputsOf, Linked, OutcomeOf } from './chain/linked.ts'
import { ChainHandle } from './chain-handle.ts'
import type { Core } from './core.ts'
import type { DataPlane } from './data-plane.ts'
import { Declarations } from './declarations.ts'
import type { AddOptions, DeclareOptions } from './declare-options.ts'
import { LEAVE_MS } from './departure.ts'
import { DIFFERENT, ELSEWHERE } from './different.ts'
import { drain } from './drain.ts'
import { EventBus, type NodeEventOf } from './event-bus.ts'
import type { NodeEvent } from './events.ts'
import { isFormed, unformed } from './formed.ts'
import { GroupHandle } from './group-handle.ts'
import { Inputs } from './input-feed.ts'
import type { Ports } from './kernel-init.ts'
import { Kernel } from './kernel.ts'
import { WorkerRef } from './messaging/refs.ts'
import type { NodeOptions } from './options.ts'
import { describe } from './own-row.ts'
import { Parts } from './parts.ts'
import { forgetLater } from './shut.ts'
import type { ChainSnapshot, GroupSnapshot, Member, Snapshot, WorkerSnapshot } from './snapshot.ts'
import { chainsOf, groupsOf, membersOf, snapshotOf, workersOf } from './snapshot.ts'
import { type ChainSpec, type StageSpec, declareChain } from './specs/chain-spec.ts'
import type { Process } from './specs/child.ts'
import { type Fitted, type GroupSpec, type MemberSpec, declareGroup } from './specs/group-spec.ts'
import type { Declared } from './specs/spec.ts'
import { type WorkerSpec, declareWorker } from './specs/worker-spec.ts'
import type { SpecStatus } from './supervision/spec-status.ts'
import { checkFormed, checkWait } from './wait-options.ts'
import { type WaitOptions, Waiting } from './waiting.ts'
import type { Stage } from './workers/behaviours.ts'
import type { Host } from './workers/host.ts'
import { Registry } from './workers/registry.ts'
import { refuseFenced } from './workers/scope.ts'

export class Node implements AsyncDisposable {
  readonly #kernel: Kernel
  readonly #ports: Ports
  readonly #bus: EventBus
  readonly #waiting: Waiting
  readonly #declarations: Declarations
  readonly #parts: Parts
  readonly #over: Promise<'left' | 'replaced'>
  readonly #options: Pick<NodeOptions, 'mdns'>
  readonly #stopped = Promise.withResolvers<void>()
  readonly #statusOf = (id: SpecId): SpecStatus | undefined => this.#kernel.core.statusOf(id)
  #stopping: Promise<void> | undefined

  private constructor(init: {
    readonly kernel: Kernel
    readonly ports: Ports
    readonly bus: EventBus
    readonly over: Promise<'left' | 'replaced'>
    readonly options: Pick<NodeOptions, 'mdns'>
  }) {
    this.#kernel = init.kernel
    this.#ports = init.ports
    this.#bus = init.bus
    this.#waiting = new Waiting(init.ports.clock, init.bus)
    const { kernel, ports, bus } = init
    const shared = { waiting: this.#waiting, statusOf: this.#statusOf }
    const inputs = new Inputs({ ...ports, ...shared, plane: kernel.plane, bus })
    this.#declarations = new Declarations(kernel, this.#waiting, inputs)
    this.#parts = new Parts(init.kernel, this.#waiting, this.#declarations)
    this.#over = init.over
    this.#options = init.options
    // Before any listener of the user's: who is told should find it so.
    init.bus.on('node:replaced', () => this.#declarations.close(() => new DuplicateIdentityError(this.id)))
    init.bus.on('spec:superseded', ({ id, winner, loser, fields }) => {
      if (loser === this.id) this.warn({ id, fields, by: winner }, fields.length > 0 ? DIFFERENT : ELSEWHERE)
    })
  }

  /**
   * Starts a node on the given ports. Use `createNode` for a real one, `simulate` for a simulated one.
   * Resolves when the node takes work: it has joined a mesh, or found none. @internal
   */
  static async start(options: NodeOptions, ports: Ports, seed: string, loaded?: Registry): Promise<Node> {
    const registry = loaded ?? (await Registry.of(options.behaviours))
    const bus = new EventBus(ports.logger)
    const isolation = ports.machine === undefined ? 'simulated' : 'real'
    const over = Promise.withResolvers<'left' | 'replaced'>()
    const kernel = await Kernel.start({
      ports,
      registry,
      seed,
      timings: options.timings,
      pushedMax: options.pushedMax,
      describe: (run, addresses) => ({
        ...describe(options, run, addresses),
        behaviours: options.role === 'member' ? registry.abilities(isolation) : [],
      }),
      onEvent: event => bus.emit(event),
      onOver: over.resolve,
    })
    const node = new Node({ kernel, ports, bus, over: over.promise, options })
    void over.promise.then(why => (why === 'replaced' ? node.#onReplaced() : undefined))
    const isJoined = (): true | undefined => kernel.core.self.status !== 'joining' || undefined
    const joined = node.#waiting.until(isJoined, { signal: options.signal }, () => new NodeStoppedError())
    await joined.catch(async (error: unknown) => {
      await node.stop()
      throw error
    })
    return node
  }

  get id(): NodeId {
    return this.#kernel.core.self.id
  }

  /** Where others can join by this node. */
  get addresses(): readonly string[] {
    return this.#ports.transport.addresses
  }

  // Workers, groups and chains

  /**
   * Declares a standalone worker, and waits until it runs: on this node or on any other. With `until: 'declared'`, only
   * until the mesh knows of it: so it can wait for a node that comes later.
   * @throws {OptionsError} {AlreadyExistsError} {BehaviourNotFoundError}; {StartError} when it cannot start: then
   * nothing is left of it
   */
  async addWorker<B extends Process>(spec: WorkerSpec<B>, options: AddOptions = {}): Promise<WorkerRef<B>> {
    const id = await this.#add(declareWorker(spec), options)
    return new WorkerRef(this.#kernel.gateway, slotId(id))
  }

  /** Declares a group, and waits until all of its members run. Throws as `addWorker` does. */
  async addGroup<const Members extends readonly MemberSpec[]>(
    spec: GroupSpec<Members & Fitted<Members>>,
    options: AddOptions = {},
  ): Promise<GroupHandle<Members>> {
    return this.#groupHandle(await this.#add(declareGroup(spec), options))
  }

  /** Declares a chain, and waits until all of its workers run. Throws as `addWorker` does. */
  async addChain<const Stages extends readonly StageSpec[]>(
    spec: ChainSpec<Stages & Linked<Stages>, Stage<FinalOf<Stages>, unknown>>,
    options: AddOptions = {},
  ): Promise<ChainHandle<InputOf<Stages>, OutcomeOf<Stages>, InputsOf<Stages>>> {
    return this.#chainHandle(await this.#add(declareChain(spec), options))
  }

  /** A worker that was declared on any node; `behaviour` gives the handle its types. @throws {NotFoundError} */
  getWorker<B extends Process>(id: string, _behaviour?: B): WorkerRef<B> {
    return new WorkerRef(this.#kernel.gateway, slotId(this.#get(id, 'worker')))
  }

  /** The same, or undefined where there is none. */
  findWorker<B extends Process>(id: string, _behaviour?: B): WorkerRef<B> | undefined {
    const found = this.#find(id, 'worker')
    return found === undefined ? undefined : new WorkerRef(this.#kernel.gateway, slotId(found))
  }

  /** All standalone workers of the mesh, wherever they run, in the order in which this node has heard of them. */
  listWorkers(): WorkerSnapshot[] {
    return workersOf(this.#live.plane)
  }

  /** @throws {NotFoundError} */
  getGroup<const Members extends readonly MemberSpec[] = readonly MemberSpec[]>(
    id: string,
  ): GroupHandle<Members> {
    return this.#groupHandle(this.#get(id, 'group'))
  }

  /** The same, or undefined where there is none. */
  findGroup<const Members extends readonly MemberSpec[] = readonly MemberSpec[]>(
    id: string,
  ): GroupHandle<Members> | undefined {
    const found = this.#find(id, 'group')
    return found === undefined ? undefined : this.#groupHandle(found)
  }

  /** All groups of the mesh, wherever they run, in the order in which this node has heard of them. */
  listGroups(): GroupSnapshot[] {
    return groupsOf(this.#live.plane)
  }

  /** @throws {NotFoundError} */
  getChain<In = unknown, Outcome = unknown>(id: string): ChainHandle<In, Outcome> {
    return this.#chainHandle(this.#get(id, 'chain'))
  }

  /** The same, or undefined where there is none. */
  findChain<In = unknown, Outcome = unknown>(id: string): ChainHandle<In, Outcome> | undefined {
    const found = this.#find(id, 'chain')
    return found === undefined ? undefined : this.#chainHandle(found)
  }

  /** All chains of the mesh, wherever they run, in the order in which this node has heard of them. */
  listChains(): ChainSnapshot[] {
    return chainsOf(this.#live.plane)
  }

  /** Removes a worker and waits until it has stopped. @throws {NotFoundError} */
  async removeWorker(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.#declarations.remove(this.#get(id, 'worker'), options)
  }

  /**
   * Stops a worker, wherever it runs, and waits until it has stopped. It stays declared, and down, until
   * `restartWorker`. @throws {NotFoundError} {StopError}
   */
  async stopWorker(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.#declarations.stop(this.#get(id, 'worker'), options)
  }

  /**
   * Starts a worker anew, with an empty state and no memory of earlier failures, and waits until it runs: whether it
   * runs now, was stopped, has ended or was given up. @throws {NotFoundError}; {StartError} when it does not start
   */
  async restartWorker(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.#declarations.restart(this.#get(id, 'worker'), options)
  }

  /** Removes a group and waits until its members have stopped. @throws {NotFoundError} */
  async removeGroup(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.#declarations.remove(this.#get(id, 'group'), options)
  }

  /** Stops a group, which stays declared, and waits until its members have stopped. @throws {NotFoundError} {StopError} */
  async stopGroup(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.getGroup(id).stop(options)
  }

  /** Starts all members of a group anew: see `GroupHandle.restart`. @throws {NotFoundError} {StartError} */
  async restartGroup(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.getGroup(id).restart(options)
  }

  /** Stops a chain, which stays declared, and waits until its workers have stopped. @throws {NotFoundError} {StopError} */
  async stopChain(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.getChain(id).stop(options)
  }

  /** Starts all workers of a chain anew: see `ChainHandle.restart`. @throws {NotFoundError} {StartError} */
  async restartChain(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.getChain(id).restart(options)
  }

  /** Removes a chain and waits until its workers have stopped; what was on its way is dropped. @throws {NotFoundError} */
  async removeChain(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.#declarations.remove(this.#get(id, 'chain'), options)
  }

  // The mesh

  /** Who takes part now, this node included, in the order of their ids. Nobody, when the node has stopped. */
  members(): Member[] {
    if (this.#kernel.plane.router.isOver) return []
    return membersOf(this.#kernel.core).filter(({ status }) => status === 'alive' || status === 'suspect')
  }

  /** Everything that this node knows, as plain data: of specs nothing, when it has stopped. */
  snapshot(): Snapshot {
    return snapshotOf(this.#kernel)
  }

  /**
   * What is inside, for the checkers of the simulator.
   * @internal
   */
  inspect(): { readonly core: Core; readonly plane: DataPlane; readonly host: Host } {
    return this.#kernel
  }

  /**
   * Waits until at least `count` nodes take part, this one included, and what runs on those it counts is known here: an id
   * that is taken there is refused from then on.
   * @throws {FormationError} saying what is in the way; {OptionsError} when `count` is no number of nodes: 1 to 10,000
   */
  async formed(count: number, options: WaitOptions = {}): Promise<void> {
    checkFormed(count, options)
    const refuse = this.#declarations.refusal()
    const look = (): true | undefined => {
      refuse()
      return isFormed(this.members(), this.#kernel.core, count) || undefined
    }
    const late = (ms: number): Error =>
      unformed(this.members(), this.#kernel, { ...this.#options, count, timeoutMs: ms })
    await this.#waiting.until(look, options, late)
  }

  /**
   * Empties this node: others take what it has, with its state; it stays a member, and takes no work until `resume` or
   * its next start. @returns the workers that stay, as no other node can run them @throws {DrainError} when it takes longer, or
   * `resume` is called meanwhile
   */
  async drain(options: WaitOptions = {}): Promise<readonly SlotId[]> {
    this.#declarations.refuseIfClosed()
    refuseFenced()
    checkWait('the options of drain', options)
    return drain(this.#kernel, this.#waiting, options)
  }

  /** Takes work again, after `drain`. */
  resume(): void {
    this.#declarations.refuseIfClosed()
    refuseFenced()
    this.#kernel.receive({ kind: 'drain-asked', isDraining: false })
  }

  /** Listens to events of one kind; what a listener throws, or rejects with, is logged. @returns how to stop listening @throws {OptionsError} when there is no such event */
  on<K extends NodeEvent['kind']>(kind: K, listener: (event: NodeEventOf<K>) => unknown): () => void {
    return this.#bus.on(kind, listener)
  }

  /** Stops the workers of this node, tells the others, and closes everything. Others take over what ran here. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop())
  }

  /** Resolves when the node has stopped, for whatever reason. */
  get stopped(): Promise<void> {
    return this.#stopped.promise
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(): Promise<void> {
    this.#declarations.close(() => new NodeStoppedError())
    void this.#kernel.leave()
    await atMost(this.#ports.clock, LEAVE_MS, this.#over)
    await this.#kernel.close()
    this.#waiting.end(new NodeStoppedError())
    await forgetLater(this.#kernel.forgetStrays, this.#ports.clock)
    this.#stopped.resolve()
  }

  async #onReplaced(): Promise<void> {
    this.#ports.logger.error({ node: this.id }, new DuplicateIdentityError(this.id).message)
    this.#waiting.end(new DuplicateIdentityError(this.id))
    this.#stopping ??= this.#kernel.close()
    await this.#stopping
    this.#stopped.resolve(forgetLater(this.#kernel.forgetStrays, this.#ports.clock))
  }

  #get(id: string, kind: SpecKind): SpecId {
    this.#declarations.refuseIfClosed()
    return this.#declarations.get(id, kind)
  }

  #find(id: string, kind: SpecKind): SpecId | undefined {
    this.#declarations.refuseIfClosed()
    return this.#declarations.find(id, kind)
  }

  async #add(declared: Declared<SpecBody>, options: AddOptions): Promise<SpecId> {
    this.#declarations.refuseIfClosed()
    return this.#declarations.add(declared, options)
  }

  /** For the loader of configs. @internal */
  get declarations(): Declarations {
    return this.#declarations
  }

  /** @internal */
  warn(facts: object, message: string): void {
    this.#ports.logger.warn({ node: this.id, ...facts }, message)
  }

  #groupHandle<Members extends readonly MemberSpec[]>(id: SpecId): GroupHandle<Members> {
    const shared = { parts: this.#parts, declarations: this.#declarations, statusOf: this.#statusOf }
    return new GroupHandle({ id, gateway: this.#kernel.gateway, ...shared })
  }

  #chainHandle<In, Outcome, Inputs>(id: SpecId): ChainHandle<In, Outcome, Inputs> {
    return new ChainHandle({
      chain: this.#kernel.plane.chain(id),
      clock: this.#ports.clock,
      parts: this.#parts,
      declarations: this.#declarations,
      statusOf: () => this.#statusOf(id),
    })
  }

  /** What there is to be looked at, while there is. @throws {NodeStoppedError} {DuplicateIdentityError} */
  get #live(): Kernel {
    this.#declarations.refuseIfOver()
    return this.#kernel
  }
}
