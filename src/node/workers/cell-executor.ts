// shell
/** Runs the code of one worker in a cell, a thread or process of its own: starts it, asks it, watches it, ends it. */

import { unreachable } from '../../assert.ts'
import type { FencedError } from '../../errors.ts'
import type { Cell, CellEnd, Clock, Logger, Machine } from '../../ports.ts'
import { NO_ORIGIN } from '../../protocol/request.ts'
import type { Isolation, Limits } from '../../protocol/spec-row.ts'
import type { Failure } from '../../protocol/failure.ts'
import { type Exit, failureFrom } from '../supervision/exit.ts'
import type { Behaviour } from './behaviours.ts'
import {
  type CallbackName,
  type CellOrders,
  type FromCell,
  type ToCell,
  isFromCell,
} from './cell-messages.ts'
import type { StopReason } from './context.ts'
import { Deferred } from './deferred.ts'
import { FencedGateway } from './fenced-gateway.ts'
import type { Gateway } from './gateway.ts'
import { Heartbeat } from './heartbeat.ts'
import type { Executor } from './executor.ts'
import { toData } from './mesh-ask.ts'
import { MeshDoor } from './mesh-door.ts'
import { Outputs } from './outputs.ts'
import { findScope } from './scope.ts'
import { type Ask, type Remote, standInFor } from './stand-ins.ts'
import { CellError, CellStray, UNSENDABLE_ARGUMENTS, Unsendable, errorOf, unsendable } from './thrown.ts'
import { fresh, unowned } from './transfer.ts'

/** This file as its neighbours are named: `.ts` from source, `.js` when built. */
const ENTRY = new URL(
  `../cell-main${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`,
  import.meta.url,
)

export interface CellExecutorInit {
  readonly machine: Machine
  readonly clock: Clock
  readonly logger: Logger
  readonly behaviour: Behaviour
  readonly isolation: Exclude<Isolation, 'inline'>
  readonly limits: Limits
  readonly orders: CellOrders
  /** The cell is gone, or goes, and nobody has asked it to. */
  readonly onLost: (exit: Exit) => void
  /** Nobody has caught it, and it may be of the end of the worker: where that is to go on, it is a crash. */
  readonly onStray: (error: CellStray) => void
  /** What the code of the worker can do to the mesh. */
  readonly gateway: Gateway
  /** The code of the worker wants it to end. */
  readonly onStopWish: (reason: StopReason) => void
}

/** Who waits for an answer of the cell. */
interface Asker {
  onResult(value: unknown): void
  onThrown(error: Error): void
  /** The callback is through; `answer` is what it answers. */
  onLater(answer: Deferred<unknown>): void
}

export class CellExecutor implements Executor, Remote {
  readonly behaviour: Behaviour
  readonly isolation: 'thread' | 'process'
  readonly #init: CellExecutorInit
  readonly #heartbeat: Heartbeat
  readonly #ready = Promise.withResolvers<void>()
  readonly #gone = Promise.withResolvers<void>()
  readonly #askers = new Map<number, Asker>()
  readonly #outputs = new Map<number, Outputs>()
  readonly #door: MeshDoor
  #cell: Cell | undefined
  #messages: AsyncIterator<unknown> | undefined
  #asked = 0
  #fence: FencedError | undefined
  #isReady = false
  #isOver = false

  constructor(init: CellExecutorInit) {
    this.#init = init
    this.isolation = init.isolation
    this.behaviour = standInFor(init.behaviour, this)
    const { clock, limits } = init
    this.#door = new MeshDoor({
      ...init,
      // Where its code has not heard of the fence yet.
      gateway: new FencedGateway(init.gateway, () => this.#fence),
      onResult: (id, value) => this.#post({ kind: 'mesh-result', id, value }),
      onError: (id, thrown, maybeExecuted) => this.#post({ kind: 'mesh-error', id, thrown, maybeExecuted }),
    })
    this.#heartbeat = new Heartbeat(clock, limits.heartbeatMs, {
      ping: () => this.#post({ kind: 'ping' }),
      onMissed: silentMs => this.#onMissed(silentMs),
    })
    // Whoever is not waiting for it, need not hear that it failed.
    this.#ready.promise.catch(() => {})
  }

  start(): Promise<void> {
    try {
      this.#spawn()
    } catch (error) {
      this.#onUnable(error instanceof Error ? error : this.#error('Error', String(error)))
    }
    return this.#ready.promise
  }

  abort(): void {
    this.#post({ kind: 'abort' })
    // No code of the worker has run yet: there is nothing to be done in good order.
    if (!this.#isReady)
      this.#ready.reject(this.#error('Shutdown', 'it was told to stop before it had started'))
  }

  fence(why: FencedError): void {
    this.#fence = why
    this.#post({ kind: 'fence', why: why.message })
  }

  end(): Promise<void> {
    this.#isOver = true
    this.#door.close()
    this.#heartbeat.stop()
    if (this.#cell === undefined) this.#gone.resolve()
    else this.#cell.kill()
    return this.#gone.promise
  }

  abandon(): void {
    this.#cell?.abandon()
  }

  // Remote

  ask(callback: CallbackName, ask: Ask): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#order(callback, ask, { onResult: resolve, onThrown: reject, onLater: resolve })
    })
  }

  iterate(callback: CallbackName, ask: Ask): AsyncIterable<unknown> {
    const outputs = new Outputs({
      onMore: count => this.#post({ kind: 'more', id, count }),
      onEnough: () => this.#post({ kind: 'enough', id }),
    })
    const id = this.#order(callback, ask, {
      onResult: () => outputs.onEnd(undefined),
      onThrown: error => outputs.onEnd(error),
      onLater: () => outputs.onEnd(new TypeError('a stage cannot answer later')),
    })
    this.#outputs.set(id, outputs)
    return outputs
  }

  readFrom(messages: AsyncIterator<unknown>): void {
    this.#messages = messages
  }

  #spawn(): void {
    const { machine, isolation, limits, orders } = this.#init
    this.#cell = machine.spawn(
      { kind: isolation, entry: ENTRY.href, name: orders.worker, heapMb: limits.heapMb },
      {
        onMessage: message => {
          if (isFromCell(message) && !this.#isOver) this.#receive(message)
        },
        onEnd: end => this.#onEnd(end),
      },
    )
    this.#post({ kind: 'start', orders })
  }

  #order(callback: CallbackName, { name = '', args, handled, isItem = false }: Ask, asker: Asker): number {
    this.#asked += 1
    const id = this.#asked
    const found = findScope()
    const scope = { n: found?.n ?? 0, origin: toData(found ?? NO_ORIGIN, this.#init.clock.nowMs()) }
    const order = { id, callback, name, args, handled, scope }
    try {
      this.#post({ kind: 'order', order }, isItem ? fresh.within(args) : unowned(args))
    } catch (error) {
      this.#init.logger.warn(
        { worker: this.#init.orders.worker, error, callback, name },
        UNSENDABLE_ARGUMENTS,
      )
      throw new Unsendable(unsendable(UNSENDABLE_ARGUMENTS, error))
    }
    this.#askers.set(id, asker)
    return id
  }

  #receive(message: FromCell): void {
    this.#heartbeat.onSign()
    switch (message.kind) {
      case 'ready':
        this.#isReady = true
        this.#heartbeat.start()
        return this.#ready.resolve()
      case 'unfit':
        return this.#onUnable(new CellError(message.thrown))
      case 'result':
        return this.#take(message.id)?.onResult(message.value)
      case 'thrown':
        return this.#take(message.id)?.onThrown(errorOf(message.thrown))
      case 'later':
        return this.#onLater(message.id, message.isUnderWay)
      case 'mesh':
        return this.#door.ask(message.id, message.ask)
      case 'mesh-forget':
        return this.#door.forget(message.id)
      case 'stop':
        return this.#init.onStopWish(
          typeof message.reason === 'string' ? message.reason : new CellError(message.reason),
        )
      case 'output':
        return this.#outputs.get(message.id)?.onOutput(message.value)
      case 'next':
        void this.#giveNext()
        return
      case 'stray':
        return this.#onStray(message)
      case 'log':
        return this.#init.logger[message.level](message.facts, message.message)
      case 'pong':
        return
      default:
        return unreachable(message)
    }
  }

  /** The answer will come under the same number. */
  #onLater(id: number, isUnderWay: boolean): void {
    const asker = this.#take(id)
    if (asker === undefined) return
    const answer = Promise.withResolvers<unknown>()
    const refuse = (): void => answer.reject(new TypeError('answered later twice'))
    this.#askers.set(id, { onResult: answer.resolve, onThrown: answer.reject, onLater: refuse })
    asker.onLater(new Deferred(answer.promise, isUnderWay))
  }

  #take(id: number): Asker | undefined {
    const asker = this.#askers.get(id)
    this.#askers.delete(id)
    this.#outputs.delete(id)
    return asker
  }

  async #giveNext(): Promise<void> {
    const next = await this.#messages?.next()
    if (next === undefined || next.done === true) return this.#post({ kind: 'no-message' })
    const { value } = next
    try {
      this.#post({ kind: 'message', message: value }, unowned(value))
    } catch (error) {
      this.#init.logger.warn(
        { worker: this.#init.orders.worker, error },
        'a message that cannot be copied is dropped',
      )
      await this.#giveNext()
    }
  }

  #onStray({ thrown, isOfStop }: FromCell & { readonly kind: 'stray' }): void {
    if (isOfStop) this.#init.onStray(new CellStray(thrown))
    else this.#lose({ kind: 'crashed', failure: this.#failure(new CellError(thrown)) })
  }

  #onMissed(silentMs: number): void {
    const message = `its event loop did not turn for ${Math.round(silentMs)} ms: the limit is heartbeatMs`
    this.#lose({ kind: 'killed', failure: this.#failure(this.#error('HeartbeatMissed', message)) })
  }

  #onEnd(end: CellEnd): void {
    this.#heartbeat.stop()
    this.#gone.resolve()
    if (this.#isOver) return
    const error = this.#errorOf(end)
    if (!this.#isReady && end.kind === 'broken') return this.#onUnable(error)
    if (!this.#isReady) this.#ready.reject(error)
    this.#lose({ kind: 'killed', failure: this.#failure(error) })
  }

  /** Its thread or process cannot be made here, or cannot load its code: no code of the worker has run. */
  #onUnable(error: Error): void {
    this.#lose({ kind: 'unable', failure: this.#failure(error) })
    this.#ready.reject(error)
  }

  #lose(exit: Exit): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#init.onLost(exit)
  }

  #errorOf(end: CellEnd): Error {
    const { isolation, limits } = this.#init
    switch (end.kind) {
      case 'exit':
        return this.#error('CellExit', `its ${isolation} ended with code ${end.code}`)
      case 'signal':
        return this.#error('CellKilled', `its process was ended by ${end.signal}${lastWords(end.lastWords)}`)
      case 'out-of-memory':
        return this.#error(
          'OutOfMemory',
          limits.heapMb === undefined ? 'its heap was full' : `its heap of ${limits.heapMb} MB was full`,
        )
      case 'broken':
        return end.error instanceof Error ? end.error : this.#error('Error', String(end.error))
      default:
        return unreachable(end)
    }
  }

  #error(name: string, message: string): Error {
    return new CellError({ name, message, stack: undefined })
  }

  #failure(error: Error): Failure {
    const { node, worker, token } = this.#init.orders
    return failureFrom(error, { node, slot: worker, generation: token.generation })
  }

  #post(message: ToCell, transfer: readonly ArrayBuffer[] = []): void {
    this.#cell?.post(message, transfer)
  }
}

function lastWords(text: string): string {
  return text === '' ? '' : `; its last words: ${text}`
}
