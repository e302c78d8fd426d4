// shell
/**
 * The code of one worker, in a thread or process of its own: imports the behaviour, runs its callbacks as the node
 * asks for them, and answers. Decides nothing: mailbox, order and restarts are for the node.
 */

import { unreachable } from '../../assert.ts'
import { FencedError } from '../../errors.ts'
import { decodePayload } from '../../payload.ts'
import type { CellPort, Clock, Logger } from '../../ports.ts'
import { Prng } from '../../prng.ts'
import { type Behaviour, type Callback, behaviourId, isBehaviour } from './behaviours.ts'
import {
  type CellOrders,
  type FromCell,
  OUTPUTS_AHEAD,
  type Order,
  type ToCell,
  isToCell,
} from './cell-messages.ts'
import { MailboxContext } from './bound-context.ts'
import { CellGateway } from './cell-gateway.ts'
import type { HandledItem, StageContext, TaskContext } from './context.ts'
import { Deferred } from './deferred.ts'
import { fromData } from './mesh-ask.ts'
import { Scope, type CodeOwner, runInScope, traceOfNow } from './scope.ts'
import { STRAY_BROKEN_OFF, UNSENDABLE_RESULT, isOfStop, textOf, thrownFrom, unsendable } from './thrown.ts'
import { isA, isFenced } from '../thrown-value.ts'
import { given } from './transfer.ts'
import { isAsyncIterable, isPromise } from './promises.ts'

/** Of a cell that ends for an error that nobody has caught: as Node does. */
const STRAY_CODE = 1

export class CellWorker {
  readonly #port: CellPort
  readonly #clock: Clock
  readonly #abort = new AbortController()
  readonly #outputs = new Map<number, Outputs>()
  #behaviour: Behaviour | undefined
  #context: (StageContext & TaskContext) | undefined
  #identity: CodeOwner | undefined
  #gateway: CellGateway | undefined
  /** Why nothing that its code does counts any more. */
  #fence: string | undefined
  #state: unknown
  #handled: HandledItem | undefined
  /** Tells whoever waits for the next message of a task. */
  #onMessage: ((next: IteratorResult<unknown, undefined>) => void) | undefined

  private constructor(port: CellPort, clock: Clock) {
    this.#port = port
    this.#clock = clock
    port.onStray(error => this.#onStray(error))
    port.onMessage(message => {
      if (isToCell(message)) this.#receive(message)
    })
  }

  /** Waits for orders, and follows them until the end of the cell. */
  static run(port: CellPort, clock: Clock): void {
    // What it listens to keeps it.
    void new CellWorker(port, clock)
  }

  /**
   * As inline: what its end, or its fence, has made fail of what its code has left running is no crash. Whether it is to stop
   * its node knows, also while it waits for its turn: that ends it, or does not.
   */
  #onStray(error: unknown): void {
    const thrown = thrownFrom(error)
    if (this.#fence !== undefined && isFenced(error)) {
      this.#context?.log.info({ worker: this.#context.worker, error: thrown }, STRAY_BROKEN_OFF)
      return
    }
    const isDoubtful = isOfStop(error)
    this.#post({ kind: 'stray', thrown, isOfStop: isDoubtful })
    if (!isDoubtful) this.#port.exit(STRAY_CODE)
  }

  #receive(message: ToCell): void {
    switch (message.kind) {
      case 'start':
        void this.#start(message.orders)
        return
      case 'order':
        return this.#obey(message.order)
      case 'abort':
        return this.#abort.abort()
      case 'fence':
        this.#fence = message.why
        return
      case 'more':
        return this.#outputs.get(message.id)?.onMore(message.count)
      case 'enough':
        return this.#outputs.get(message.id)?.onEnough()
      case 'message':
        return this.#onMessage?.({ done: false, value: message.message })
      case 'no-message':
        return this.#onMessage?.({ done: true, value: undefined })
      case 'ping':
        return this.#post({ kind: 'pong' })
      case 'mesh-result':
        return this.#gateway?.onResult(message.id, message.value)
      case 'mesh-error':
        return this.#gateway?.onError(message.id, message.thrown, message.maybeExecuted)
      default:
        return unreachable(message)
    }
  }

  async #start(orders: CellOrders): Promise<void> {
    try {
      const module: unknown = await import(orders.module)
      const values =
        typeof module === 'object' && module !== null ? Object.values<unknown>({ ...module }) : []
      this.#behaviour = values.filter(isBehaviour).find(found => behaviourId(found) === orders.behaviour)
      if (this.#behaviour === undefined) {
        throw new Error(`${orders.module} exports no behaviour "${orders.behaviour}"`)
      }
    } catch (error) {
      return this.#post({ kind: 'unfit', thrown: thrownFrom(error) })
    }
    this.#context = this.#makeContext(orders)
    this.#post({ kind: 'ready' })
  }

  /** Runs a callback, and says what came of it. */
  #obey(order: Order): void {
    const { id } = order
    this.#handled = order.handled
    if (this.#identity === undefined) return
    const scope = new Scope(this.#identity, order.scope.n, fromData(order.scope.origin, this.#clock.nowMs()))
    let result: unknown
    let isLater: boolean
    try {
      result = runInScope(scope, () => this.#run(order))
      if (order.callback === 'handle' && isAsyncIterable(result)) return void this.#emit(id, result)
      isLater = isPromise(result)
    } catch (error) {
      scope.isOver = true
      return this.#post({ kind: 'thrown', id, thrown: thrownFrom(error) })
    }
    if (isLater) void this.#settle(id, result, scope)
    else this.#answer(id, result, scope)
  }

  async #settle(id: number, promise: unknown, scope: Scope): Promise<void> {
    try {
      this.#answer(id, await promise, scope)
    } catch (error) {
      scope.isOver = true
      this.#post({ kind: 'thrown', id, thrown: thrownFrom(error) })
    }
  }

  #answer(id: number, value: unknown, scope: Scope): void {
    if (isA(value, Deferred<unknown>)) {
      this.#post({ kind: 'later', id, isUnderWay: value.isUnderWay })
      void this.#settle(id, value.promise, scope)
      return
    }
    scope.isOver = true
    try {
      this.#post({ kind: 'result', id, value }, given.within(value))
    } catch (error) {
      this.#post({ kind: 'thrown', id, thrown: unsendable(UNSENDABLE_RESULT, error) })
    }
  }

  async #emit(id: number, values: AsyncIterable<unknown>): Promise<void> {
    const outputs = new Outputs()
    this.#outputs.set(id, outputs)
    try {
      for await (const value of values) {
        if (!(await outputs.isRoom())) break
        this.#post({ kind: 'output', id, value }, given.within(value))
      }
      this.#post({ kind: 'result', id, value: undefined })
    } catch (error) {
      this.#post({ kind: 'thrown', id, thrown: thrownFrom(error) })
    }
    this.#outputs.delete(id)
  }

  #run(order: Order): unknown {
    const { name, args } = order
    const behaviour = this.#behaviour
    const context = this.#context
    if (behaviour === undefined) throw new Error('an order before the start')
    if (behaviour.kind === 'stage') return behaviour.handle(args[0], context)
    if (behaviour.kind === 'task') return behaviour.run(context, ...args)
    switch (order.callback) {
      case 'init':
        return this.#init(behaviour.init(context, ...args))
      case 'call':
        return functionOf(behaviour.call, name)(this.#state, ...args)
      case 'cast':
        return functionOf(behaviour.cast, name)(this.#state, ...args)
      case 'info':
        return behaviour.info?.(this.#state, args[0], context)
      case 'idle':
        return behaviour.idle?.handle(this.#state, context)
      case 'handoff':
        return behaviour.handoff?.(this.#state, context)
      case 'terminate':
        return behaviour.terminate?.(this.#state, args[0], context)
      case 'run':
      case 'handle':
        throw new Error(`a server has no ${order.callback}`)
      default:
        return unreachable(order.callback)
    }
  }

  /** The state stays here. */
  #init(state: unknown): unknown {
    if (isPromise(state)) return this.#initLater(state)
    this.#state = state
    return undefined
  }

  async #initLater(state: Promise<unknown>): Promise<void> {
    this.#state = await state
  }

  #makeContext(orders: CellOrders): StageContext & TaskContext {
    const { worker, spec, node, token, incarnation, members } = orders
    const { signal } = this.#abort
    const clock = this.#clock
    const nothing: HandledItem = { item: { origin: node, boot: 0, n: 0 }, id: '', attempt: 1 }
    const handled = (): HandledItem => this.#handled ?? nothing
    // Of a cell that is over, nothing is left.
    const findFence = (): FencedError | undefined =>
      this.#fence === undefined ? undefined : new FencedError(this.#fence)
    const identity = { worker, spec, node, generation: token.generation, incarnation, findFence }
    const gateway = new CellGateway({
      clock,
      worker,
      group: members && { id: spec, members },
      ask: (id, ask) => this.#post({ kind: 'mesh', id, ask }),
      forget: id => this.#post({ kind: 'mesh-forget', id }),
    })
    this.#identity = identity
    this.#gateway = gateway
    const context = new MailboxContext({
      ...identity,
      isOver: false,
      token,
      signal,
      clock,
      gateway,
      logger: this.#makeLogger(),
      prng: new Prng(orders.seed),
      handoff: orders.handoff && decodePayload(orders.handoff),
      wish: reason =>
        this.#post({ kind: 'stop', reason: typeof reason === 'string' ? reason : thrownFrom(reason) }),
      get isAborted() {
        return signal.aborted
      },
      note: message => gateway.send(worker, message, traceOfNow()),
    })
    const more = Object.assign(context, {
      ...nothing,
      messages: { [Symbol.asyncIterator]: () => ({ next: () => this.#nextMessage() }) },
    })
    return Object.defineProperties(more, {
      item: { get: () => handled().item },
      id: { get: () => handled().id },
      attempt: { get: () => handled().attempt },
    })
  }

  #nextMessage(): Promise<IteratorResult<unknown, undefined>> {
    return new Promise(resolve => {
      this.#onMessage = resolve
      this.#post({ kind: 'next' })
    })
  }

  #makeLogger(): Logger {
    const log =
      (level: 'debug' | 'info' | 'warn' | 'error') =>
      (facts: object, message: string): void => {
        try {
          this.#post({ kind: 'log', level, facts, message })
        } catch {
          const texts: Record<string, string> = {}
          for (const [name, value] of Object.entries<unknown>({ ...facts })) texts[name] = textOf(value)
          this.#post({ kind: 'log', level, facts: texts, message })
        }
      }
    return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  }

  #post(message: FromCell, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.post(message, transfer)
  }
}

/** How many more outputs of one order may leave. */
class Outputs {
  #room = OUTPUTS_AHEAD
  #isOver = false
  #wake: (() => void) | undefined

  onMore(count: number): void {
    this.#room += count
    this.#wake?.()
  }

  onEnough(): void {
    this.#isOver = true
    this.#wake?.()
  }

  /** Waits until one more may leave. @returns false: none is wanted any more */
  async isRoom(): Promise<boolean> {
    while (this.#room === 0 && !this.#isOver) await new Promise<void>(resolve => (this.#wake = resolve))
    this.#room -= 1
    return !this.#isOver
  }
}

function functionOf(functions: Readonly<Record<string, Callback>>, name: string): Callback {
  const fn = Object.hasOwn(functions, name) ? functions[name] : undefined
  if (fn === undefined) throw new Error(`this version of the behaviour has no function "${name}"`)
  return fn
}
