// shell
/** A chain as the users of a node see it: items go in, and its stages come and go while it runs. */

import type { Clock } from '../ports.ts'
import type { Chain } from './chain/chain.ts'
import { ChainRef } from './chain/chain-ref.ts'
import type { Declarations } from './declarations.ts'
import type { AddOptions, DeclareOptions } from './declare-options.ts'
import type { PartInfo } from './part-info.ts'
import type { Parts } from './parts.ts'
import { type StageSpec, declareStage } from './specs/chain-spec.ts'
import type { SpecStatus } from './supervision/spec-status.ts'

export interface ChainHandleInit {
  readonly chain: Chain
  readonly clock: Clock
  readonly parts: Parts
  readonly declarations: Declarations
  readonly statusOf: () => SpecStatus | undefined
}

/** Where a stage is added. */
export interface StagePlace {
  /** 0 is in front of all others; at most as many as there are stages. @default behind all others */
  readonly position?: number
}

/** Everything here works on any node of the mesh, wherever the stages run. Items on their way are kept, and sent again. */
export class ChainHandle<
  In = unknown,
  Outcome = unknown,
  Inputs = Readonly<Record<string, unknown>>,
> extends ChainRef<In, Outcome, Inputs> {
  readonly #init: ChainHandleInit

  /** @internal */
  constructor(init: ChainHandleInit) {
    super(init.chain, init.clock, init.statusOf)
    this.#init = init
  }

  /** How the chain stands, as far as this node knows. @throws {NodeStoppedError} when it has stopped */
  get status(): SpecStatus {
    this.#init.declarations.refuseIfOver()
    return this.#init.statusOf() ?? { kind: 'removed' }
  }

  /** The stages, first one first, with where and how each of their workers runs. @throws {NotFoundError} */
  stages(): PartInfo[] {
    return this.#init.parts.list(this.id, 'chain')
  }

  /**
   * Adds a stage, and waits until its workers run. What it is given is what the stage before it emits: the compiler
   * cannot see that any more, nor that items can be put in there (`to`): to a handle of `node.getChain(id)` they can.
   * In a chain that a user has stopped, it is declared, and starts with the others.
   * @throws {OptionsError} {AlreadyExistsError} {NotFoundError} {BehaviourNotFoundError}; {StartError} when it cannot
   * start: then nothing is left of it
   */
  async addStage(spec: StageSpec, options: AddOptions & StagePlace = {}): Promise<void> {
    const stage = declareStage(spec, options, this.stages().length)
    await this.#init.parts.addStage(this.id, stage, options.position ?? Infinity, options)
  }

  /** Removes a stage: items flow through those that are left. @throws {NotFoundError} {StopError} */
  async removeStage(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.#init.parts.remove(this.id, 'chain', id, options)
  }

  /** Starts the workers of a stage anew, and waits until they run. @throws {NotFoundError} {StartError} */
  async restartStage(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.#init.parts.restart(this.id, 'chain', id, options)
  }

  /** Stops the workers of a stage: items wait in front of it until `restartStage`. @throws {NotFoundError} {StopError} */
  async stopStage(id: string, options: DeclareOptions = {}): Promise<void> {
    await this.#init.parts.stop(this.id, 'chain', id, options)
  }

  /** Starts all workers anew, also those that were given up; items on their way are sent again. @throws {NotFoundError} {StartError} */
  async restart(options: DeclareOptions = {}): Promise<void> {
    await this.#init.declarations.restart(this.#init.declarations.get(this.id, 'chain'), options)
  }

  /**
   * Stops all workers, and waits until they have. What was put in by `send` waits until `restart`; whoever waits for an
   * outcome (`call`, `run`) gets a `GivenUpError`. @throws {NotFoundError} {StopError}
   */
  async stop(options: DeclareOptions = {}): Promise<void> {
    await this.#init.declarations.stop(this.#init.declarations.get(this.id, 'chain'), options)
  }
}
