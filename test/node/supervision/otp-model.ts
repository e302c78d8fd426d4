/**
 * What OTP makes of a supervisor and its children, in a few lines, and independent of how it is done here: one node, and
 * nothing happens before what has happened before is dealt with. Where meshvisor differs on purpose, it says `differs`.
 */

import type {
  AutoShutdown,
  ChainStrategy,
  DesiredState,
  RestartIntensity,
  RestartType,
  SpecKind,
} from '../../../src/protocol/spec-row.ts'

/** A member, a stage, or a lone worker. */
export interface PartShape {
  /** Empty for a lone worker. */
  readonly id: string
  readonly restart: RestartType
  readonly isSignificant: boolean
  /** More than one only in a chain. */
  readonly workers: number
}

export interface Shape {
  readonly kind: SpecKind
  readonly strategy: ChainStrategy
  readonly autoShutdown: AutoShutdown
  readonly intensity: RestartIntensity
  /** As they are listed. */
  readonly parts: readonly PartShape[]
}

/**
 * `ended`: on its own, for good; `dropped`: stopped with a sibling, and temporary; `failed`: it could not start;
 * `stopped`: by a user; `down`: with the whole; `held`: a user has asked for it while the whole is down.
 */
type ChildState = 'running' | 'ended' | 'dropped' | 'failed' | 'stopped' | 'down' | 'held'

interface Child {
  readonly name: string
  readonly part: Part
  state: ChildState
  /** It has not run yet since somebody asked for it: when it cannot start, it stays down. */
  isNew: boolean
}

interface Part extends PartShape {
  readonly children: readonly Child[]
}

type State = 'running' | 'done' | 'failed' | 'gave-up'

export class OtpModel {
  readonly #shape: Shape
  #parts: Part[]
  #state: State = 'running'
  /** Significant children have ended it. */
  #isShutdown = false
  #restartsMs: number[] = []
  desired: DesiredState = 'running'

  constructor(shape: Shape) {
    this.#shape = shape
    this.#parts = shape.parts.map(part => this.#partOf(part))
  }

  /** It has ended by itself, as its significant members have. */
  get isShutdown(): boolean {
    return this.#isShutdown
  }

  get partIds(): string[] {
    return this.#parts.map(({ id }) => id)
  }

  /** In the order of starting. */
  get running(): string[] {
    return this.#running().map(({ name }) => name)
  }

  /** Undefined where nothing is there to run, and nothing has ended: there, nobody cares. */
  get status(): State | 'stopped' | undefined {
    if (this.desired === 'stopped') return 'stopped'
    const isEmpty = this.#order().every(({ state }) => state === 'stopped')
    return isEmpty && this.#shape.kind !== 'worker' && (this.#state === 'running' || this.#state === 'done')
      ? undefined
      : this.#state
  }

  /** How each child stands; undefined while the whole is down, which decides it. */
  get states(): [name: string, state: ChildState][] | undefined {
    if (this.desired === 'stopped' || this.#isDown()) return undefined
    return this.#order().map(({ name, state }) => [name, state === 'dropped' ? 'ended' : state])
  }

  /** Whether a change of this part is defined: what has ended with its significant children stays so while any other of them is left. */
  mayChange(id: string): boolean {
    return !this.#isShutdown || this.#order().some(({ part, state }) => part.id !== id && state === 'down')
  }

  isRunning(name: string): boolean {
    return this.running.includes(name)
  }

  /** It has restarted something. */
  restartedAt(atMs: number): void {
    this.#restartsMs.push(atMs)
  }

  /** @returns what is stopped and started for that, in order */
  end(name: string, how: 'normal' | 'crash', nowMs: number): string[] {
    const child = this.#running().find(each => each.name === name)
    if (child === undefined) return []
    child.state = 'ended'
    const { restart } = child.part
    if (restart === 'temporary' || (restart === 'transient' && how === 'normal')) return this.#afterLoss()
    const { restarts, withinMs } = this.#shape.intensity
    if (this.#restartsMs.filter(atMs => nowMs - atMs < withinMs).length + 1 > restarts)
      return this.#giveUp(child)
    return this.#restart(child)
  }

  /** A child that was just started has not come up. */
  unstart(name: string, nowMs: number): string[] {
    const child = this.#running().find(each => each.name === name)
    if (child?.isNew !== true) return this.end(name, 'crash', nowMs)
    child.state = 'failed'
    return this.#afterLoss()
  }

  /** All that was started has come up. */
  settle(): void {
    for (const child of this.#running()) child.isNew = false
  }

  add(shape: PartShape, position: number): string[] {
    const part = this.#partOf(shape)
    this.#parts.splice(position, 0, part)
    return this.#startAll(part.children)
  }

  remove(id: string): string[] {
    return this.stop(id, 'removed')
  }

  /** `removed`: and it is not declared any more. */
  stop(id: string, then: 'declared' | 'removed' = 'declared'): string[] {
    const children = this.#childrenOf(id)
    const log = stops(children.filter(({ state }) => state === 'running'))
    for (const child of children) child.state = 'stopped'
    if (then === 'removed') this.#parts = this.#parts.filter(part => part.id !== id)
    if (this.#isDown()) return log
    return [...log, ...this.#afterLoss()]
  }

  restart(id: string): string[] {
    const children = this.#childrenOf(id)
    const log = stops(children.filter(({ state }) => state === 'running'))
    return [...log, ...this.#startAll(children)]
  }

  stopWhole(): string[] {
    this.desired = 'stopped'
    const log = stops(this.#running())
    for (const child of this.#order()) if (child.state !== 'stopped') child.state = 'down'
    return log
  }

  /** With no memory of what was. Differs: what a user has stopped stays down, here and in every restart. */
  restartWhole(): string[] {
    const log = stops(this.#running())
    this.desired = 'running'
    this.#state = 'running'
    this.#isShutdown = false
    this.#restartsMs = []
    return [...log, ...this.#startAll(this.#order().filter(({ state }) => state !== 'stopped'))]
  }

  /** A child of the very first start, or of a restart by a user, has not come up. @returns what is stopped, in order */
  failWhole(): string[] {
    return this.#goDown('failed')
  }

  #partOf(shape: PartShape): Part {
    const children: Child[] = []
    const part: Part = { ...shape, children }
    for (let index = 0; index < shape.workers; index++) {
      const name = this.#shape.kind === 'chain' ? `${shape.id}/${index}` : shape.id
      children.push({ name, part, state: 'running', isNew: false })
    }
    return part
  }

  /** In a chain, the last stage is the first to start. */
  #order(): Child[] {
    const parts = this.#shape.kind === 'chain' ? this.#parts.toReversed() : this.#parts
    return parts.flatMap(({ children }) => children)
  }

  #running(): Child[] {
    return this.#order().filter(({ state }) => state === 'running')
  }

  #childrenOf(id: string): readonly Child[] {
    return this.#parts.find(part => part.id === id)?.children ?? []
  }

  /** Nothing starts any more until a user restarts the whole. */
  #isDown(): boolean {
    return this.#isShutdown || this.#state === 'gave-up' || this.#state === 'failed'
  }

  #startAll(children: readonly Child[]): string[] {
    const isHeld = this.desired === 'stopped' || this.#isDown()
    for (const child of children) {
      child.state = isHeld ? 'held' : 'running'
      child.isNew = true
    }
    if (isHeld) return []
    this.#state = 'running'
    return children.map(({ name }) => `start ${name}`)
  }

  /** Differs: in a chain, those that the restart would have taken go first, as nobody waits for the verdict. */
  #giveUp(crashed: Child): string[] {
    const taken = this.#takenBy(crashed).filter(({ state }) => state === 'running')
    for (const child of taken) child.state = 'down'
    return [...stops(taken), ...this.#goDown('gave-up')]
  }

  #takenBy(crashed: Child): Child[] {
    const at = this.#parts.indexOf(crashed.part)
    return this.#order().filter(child => {
      if (child === crashed || this.#shape.strategy === 'one_for_all') return true
      const position = this.#parts.indexOf(child.part)
      if (this.#shape.strategy === 'rest_for_one') return position >= at
      return this.#shape.strategy === 'before_for_one' && position <= at
    })
  }

  #restart(crashed: Child): string[] {
    const taken = this.#takenBy(crashed)
    const log = stops(taken.filter(({ state }) => state === 'running'))
    const isBack = ({ part, state }: Child): boolean => part.restart !== 'temporary' && state !== 'stopped'
    for (const child of taken) {
      if (isBack(child)) {
        child.isNew = child.state === 'failed'
        child.state = 'running'
      } else if (child.state === 'running') child.state = 'dropped'
    }
    log.push(...taken.filter(isBack).map(({ name }) => `start ${name}`))
    return [...log, ...this.#afterLoss()]
  }

  /** Somebody has gone for good. Differs: where nothing is left to run, the whole is done. */
  #afterLoss(): string[] {
    const left = this.#running()
    const all = this.#order()
    const significant = all.filter(({ part }) => part.isSignificant)
    const hasEnded = significant.some(({ state }) => state === 'ended')
    // Differs: in OTP only an end on its own can be the last one. Here it also ends when the last one is stopped.
    const isLast = !left.some(({ part }) => part.isSignificant)
    const { autoShutdown } = this.#shape
    if (autoShutdown !== 'never' && hasEnded && (autoShutdown === 'any' || isLast)) {
      this.#isShutdown = true
      return this.#goDown('done')
    }
    if (left.length === 0) this.#state = 'done'
    return []
  }

  #goDown(state: State): string[] {
    this.#state = state
    const log = stops(this.#running())
    for (const child of this.#running()) child.state = 'down'
    return log
  }
}

/** Last one first. */
function stops(children: readonly Child[]): string[] {
  return children.toReversed().map(({ name }) => `stop ${name}`)
}
