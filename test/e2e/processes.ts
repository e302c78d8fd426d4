/** Nodes in processes of their own, and a way to wait for what they say. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

import type { NodeEvent } from '../../src/index.ts'
import { PATIENCE_MS } from '../patience.ts'

export class NodeProcess {
  readonly name: string
  readonly events: NodeEvent[] = []
  id = ''
  readonly #child: ChildProcess
  #onMessage: () => void = () => {}

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#child = child
    child.on('message', message => this.#read(message))
  }

  /** Starts a node that joins by `seed`, and waits until it takes work. */
  static async start(orders: { cluster: string; name: string; seed: string }): Promise<NodeProcess> {
    const child = fork(new URL('node-child.ts', import.meta.url), [JSON.stringify(orders)])
    const process = new NodeProcess(orders.name, child)
    await process.until('it is ready', () => process.id !== '')
    return process
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Waits until `condition` holds, looking again at whatever the process says. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE_MS)
    while (!condition()) {
      await new Promise<void>((resolve, reject) => {
        this.#onMessage = resolve
        const said = this.events.map(event => event.kind).join(' ')
        deadline.addEventListener('abort', () =>
          reject(new Error(`${this.name}: not in time: ${what}; it said: ${said}`)),
        )
      })
    }
  }

  /** From one moment to the next, with everything in its memory. */
  async kill(): Promise<void> {
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  /** As a supervisor of processes asks for it. @returns the exit code, null where it was killed */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      await exit
    }
    return this.#child.exitCode
  }

  #read(message: unknown): void {
    if (typeof message !== 'object' || message === null) return
    if ('ready' in message) this.id = String(message.ready)
    if ('event' in message && isEvent(message.event)) this.events.push(message.event)
    this.#onMessage()
  }
}

function isEvent(value: unknown): value is NodeEvent {
  return typeof value === 'object' && value !== null && 'kind' in value
}
