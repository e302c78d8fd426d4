// shell
/** A task in this thread: a function that runs until it returns, and reads its messages when it likes. */

import { NO_ORIGIN } from '../../protocol/request.ts'
import { Mailbox, type Letter, type Recipient } from '../messaging/mailbox.ts'
import type { Task } from './behaviours.ts'
import { MailboxContext, type MailboxOwner } from './bound-context.ts'
import type { StopReason } from './context.ts'
import { checkBy } from './schema.ts'
import { runInScope } from './scope.ts'
import { listOf, whenFit } from './unfit.ts'
import { InlineWorker, type WorkerInit } from './worker.ts'

export class TaskWorker extends InlineWorker implements Recipient, MailboxOwner {
  readonly #task: Task<readonly unknown[], never>
  readonly #mailbox: Mailbox
  /** Wakes whoever waits for a message. */
  #wake: (() => void) | undefined

  constructor(task: Task<readonly unknown[], never>, init: WorkerInit) {
    super(init)
    this.#mailbox = new Mailbox(init.assignment.child.mailbox)
    this.#task = task
  }

  get isClosing(): boolean {
    return this.isOver || this.isStopping
  }

  deliver(letter: Letter): boolean {
    if (letter.kind === 'call') {
      const { home, assignment } = this.init
      const message = `the task "${this.#task.name}" answers no calls: send it a message`
      letter.replier.onError({ name: 'NoSuchFunction', message, node: home.node, slot: assignment.slot })
      return false
    }
    if (this.isClosing) return false
    const isTaken = this.#mailbox.put(letter)
    this.#wake?.()
    return isTaken
  }

  protected override begin(): unknown {
    const context = Object.assign(new MailboxContext(this), { messages: this.#messages() })
    const result: unknown = runInScope(this.makeScope(), () =>
      whenFit(this.#task.input.args, this.decodeArgs(), args => this.#task.run(context, ...listOf(args))),
    )
    void Promise.resolve(result).then(
      () => this.exit({ kind: 'normal' }),
      (error: unknown) => this.crash(error),
    )
    return undefined
  }

  protected override end(): void {
    this.#wake?.()
  }

  /** Nothing else runs in between: it ends at once, and its signal says so to what still runs. */
  protected override onStopWish(reason: StopReason): void {
    if (reason instanceof Error) this.crash(reason)
    else this.exit({ kind: reason })
  }

  protected override discard(): void {
    this.lostCount += this.#mailbox.discard()
    this.#wake?.()
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
    while (!this.isOver && !this.isStopping) {
      const letter = this.#mailbox.take()
      if (letter?.kind === 'message') {
        const checked = await this.#check(letter.message)
        if (checked !== undefined) yield checked.value
      } else if (letter?.kind === 'cast') yield { name: letter.name, args: letter.args }
      else await new Promise<void>(resolve => (this.#wake = resolve))
    }
  }
}
