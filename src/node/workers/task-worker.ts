// shell
/** A task in this thread: a function that runs until it returns, and reads its messages when it likes. */

import type { Failure } from '../../protocol/failure.ts'
import { type Caller, NO_ORIGIN } from '../../protocol/request.ts'
import { type Letter, Mailbox, type OneWay, type Recipient, type Replier } from '../messaging/mailbox.ts'
import type { Exit } from '../supervision/exit.ts'
import type { Task } from './behaviours.ts'
import { MailboxContext, type MailboxOwner } from './bound-context.ts'
import type { StopReason } from './context.ts'
import { checkBy } from './schema.ts'
import { runInScope } from './scope.ts'
import { INPUT_END, INPUT_ITEMS, inputItemsOf } from './task-input.ts'
import { listOf, whenFit } from './unfit.ts'
import { InlineWorker, type WorkerInit } from './worker.ts'

export class TaskWorker extends InlineWorker implements Recipient, MailboxOwner {
  readonly #task: Task<readonly unknown[], never>
  readonly #mailbox: Mailbox
  /** Wakes whoever waits for a message. */
  #wake: (() => void) | undefined
  /** The number of the item of its input that is next; undefined before the first. */
  #next: number | undefined
  /** Who waits to hear how many items of its input it has taken. */
  #feeder: Replier | undefined
  /** Its input has ended: it reads nothing any more. */
  #isReadOut = false
  /** It has been given a message, and has not asked for the next one. */
  #isAtMessage = false
  /** Its function has been called, and has not come to its first `await`. */
  #isBeginning = false

  constructor(task: Task<readonly unknown[], never>, init: WorkerInit) {
    super(init)
    this.#mailbox = new Mailbox(init.assignment.child.mailbox)
    this.#task = task
  }

  get isClosing(): boolean {
    return this.isOver || this.isStopping
  }

  get backlog(): number {
    return this.#mailbox.size
  }

  /** It answers no calls, so that nobody waits for an answer. */
  isWaitedForBy(): boolean {
    return false
  }

  callers(): readonly Caller[] {
    return []
  }

  deliver(letter: Letter): boolean {
    if (letter.kind === 'call' && letter.name !== INPUT_ITEMS && letter.name !== INPUT_END) {
      const { home, assignment } = this
      const message = `the task "${this.#task.name}" answers no calls: send it a message`
      letter.replier.onError({ name: 'NoSuchFunction', message, node: home.node, slot: assignment.slot })
      return false
    }
    if (letter.kind === 'call' && (this.isClosing || this.#isReadOut)) {
      if (this.isClosing) letter.replier.onElsewhere()
      else this.#feeder = letter.replier
      return true
    }
    if (this.isClosing || this.#isReadOut) return false
    const isTaken = this.put(letter, this.#mailbox)
    this.#wake?.()
    return isTaken
  }

  /** What its predecessor has not come to: before anything else, and before it starts. */
  inherit(letters: readonly OneWay[]): void {
    this.#mailbox.inherit(letters)
  }

  protected override begin(): unknown {
    const context = Object.assign(new MailboxContext(this), { messages: this.#messages() })
    this.#isBeginning = true
    const result: unknown = runInScope(this.makeScope(), () =>
      whenFit(this.#task.input.args, this.decodeArgs(), args => this.#task.run(context, ...listOf(args))),
    )
    this.#isBeginning = false
    void Promise.resolve(result).then(
      () => this.exit(this.#farewell()),
      (error: unknown) => (this.isBrokenOff(error) ? this.exit(this.#brokenOff()) : this.crash(error)),
    )
    return undefined
  }

  protected override end(): void {
    this.#wake?.()
  }

  /**
   * Nothing else runs in between: it ends at once, and its signal says so to what still runs. Whoever ends before its first
   * `await` has run all the same, as one that returns there has.
   */
  protected override onStopWish(reason: StopReason): void {
    if (this.#isBeginning) queueMicrotask(() => this.wish(reason))
    else if (this.isBrokenOff(reason)) this.exit(this.#brokenOff())
    else if (reason instanceof Error) this.crash(reason)
    else this.exit({ kind: reason })
  }

  protected override discard(failure: Failure | undefined): void {
    if (this.#isReadOut) this.#feeder?.onExited(true, failure)
    else this.#feeder?.onResult(this.#next)
    // The one that it has failed at.
    if (failure !== undefined && this.#isAtMessage) this.lostCount += 1
    if (failure !== undefined) this.warnOfLoss(failure)
    this.lostCount += this.#mailbox.discard(failure)
    this.#wake?.()
  }

  /** Before its turn to stop, there is no more to wait for: it has stopped. */
  #brokenOff(): Exit {
    return this.waitsForTurn ? { kind: 'stopped' } : this.#farewell()
  }

  /** It has returned, or was broken off: where that is for a successor, that one is given what it has not read. */
  #farewell(): Exit {
    if (!this.isReleased) return { kind: 'normal' }
    return this.leaveBehind({ letters: this.#mailbox.divert() })
  }

  note(message: unknown): void {
    const letter: Letter = { kind: 'message', message, origin: NO_ORIGIN, bytes: undefined }
    if (!this.deliver(letter)) this.lostCount += 1
  }

  /** The message as its schema gives it back; undefined when it is refused. */
  async #check(message: unknown): Promise<{ readonly value: unknown } | undefined> {
    const { input } = this.#task
    if (input.message === undefined) return { value: message }
    const checked = await checkBy(input.message, message)
    if (checked.kind === 'fit') return checked
    this.lostCount += 1
    const { issues } = checked
    this.logger.warn({ worker: this.assignment.slot, issues }, 'a message was refused by its schema')
    return undefined
  }

  async *#messages(): AsyncGenerator {
    const { turn } = this.home
    while (!this.isOver && !this.isStopping && !this.#isReadOut) {
      const letter = this.#mailbox.take()
      if (letter?.kind === 'message') yield* this.#checked(letter.message)
      else if (letter?.kind === 'cast') yield* this.#given({ name: letter.name, args: letter.args })
      else if (letter?.kind === 'call') yield* this.#input(letter)
      else await new Promise<void>(resolve => (this.#wake = resolve))
      if (turn.isOverByNow()) await turn.rest()
    }
  }

  /** Some items of its input, or the end of it. */
  async *#input(letter: Letter & { readonly kind: 'call' }): AsyncGenerator {
    const { replier, args } = letter
    const { clock, turn } = this.home
    if (!replier.begin(clock.nowMs())) return
    this.#feeder = replier
    this.#isReadOut = letter.name === INPUT_END
    if (this.#isReadOut) {
      this.lostCount += this.#mailbox.discard(undefined)
      return
    }
    const { first, items } = inputItemsOf(args) ?? { first: 0, items: [] }
    // What it has been given before, is sent again when the answer was lost.
    const start = Math.max(first, this.#next ?? first)
    this.#next = start
    for (const item of items.slice(start - first)) {
      if (turn.isOverByNow()) await turn.rest()
      if (this.isClosing) return
      this.#next += 1
      yield* this.#checked(item)
    }
    // Who is told later, as it has all been taken by the time that the next message is asked for.
    this.#feeder = undefined
    replier.onResult(this.#next)
  }

  async *#checked(message: unknown): AsyncGenerator {
    const checked = await this.#check(message)
    if (checked !== undefined) yield* this.#given(checked.value)
  }

  *#given(message: unknown): Generator {
    this.#isAtMessage = true
    yield message
    this.#isAtMessage = false
  }
}
