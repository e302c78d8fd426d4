/** Child processes of benchmarks: started, asked, stopped. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

export class Child {
  readonly process: ChildProcess
  readonly #replies: ((reply: unknown) => void)[] = []

  /** @param file beside this one, or a path */
  constructor(file: string, args: readonly string[]) {
    this.process = fork(new URL(file, import.meta.url), args, {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.process.on('message', reply => this.#replies.shift()?.(reply))
  }

  /** The next thing that the child says. */
  reply(): Promise<unknown> {
    return new Promise(resolve => this.#replies.push(resolve))
  }

  ask(question: object): Promise<unknown> {
    const reply = this.reply()
    this.process.send(question)
    return reply
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return
    const exit = once(this.process, 'exit')
    this.process.kill('SIGKILL')
    await exit
  }
}

export function textOf(reply: unknown, field: string): string {
  const value: unknown = typeof reply === 'object' && reply !== null ? Reflect.get(reply, field) : undefined
  return String(value)
}

export function numberOf(reply: unknown, field: string): number {
  return Number(textOf(reply, field))
}
