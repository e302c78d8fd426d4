/** A node with a data folder in a process of its own that ends by itself, and what it says. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { PATIENCE_MS } from '../patience.ts'

export interface HolderOrders {
  readonly cluster: string
  readonly dataFolder: string
  readonly listen: string
  readonly seed?: string
}

export class HolderProcess {
  /** What it has said, oldest first. */
  readonly lines: Readonly<Record<string, unknown>>[] = []
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  readonly #listeners = new Set<() => void>()

  constructor(orders: HolderOrders) {
    const file = fileURLToPath(new URL('holder-child.ts', import.meta.url))
    const child = spawn(process.execPath, [file, JSON.stringify(orders)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    this.#closed = once(child, 'close')
    createInterface({ input: child.stdout }).on('line', line => this.#read(line))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Waits until it has said something of that name. @returns what it was */
  async said(name: string): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const fail = (why: string): void => reject(new Error(`${why}: "${name}"; ${JSON.stringify(this.lines)}`))
    const look = (): void => {
      const found = this.findLine(name)
      if (found !== undefined) resolve(found[name])
    }
    const timer = setTimeout(() => fail('not in time'), PATIENCE_MS)
    this.#listeners.add(look)
    void this.#closed.then(() => fail('it is over'))
    look()
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#listeners.delete(look)
    }
  }

  /** The first line that tells of it. */
  findLine(name: string): Readonly<Record<string, unknown>> | undefined {
    return this.lines.find(line => name in line)
  }

  /** Waits until it has ended, and all that it has said has been read. @returns the exit code; null: it was killed */
  async ended(): Promise<number | null> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`it has not ended in time: ${JSON.stringify(this.lines)}`))
      }, PATIENCE_MS)
    })
    await Promise.race([this.#closed, late]).finally(() => clearTimeout(timer))
    return this.#child.exitCode
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Whatever it is at. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }

  #read(line: string): void {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null) this.lines.push({ ...value })
    for (const look of this.#listeners) look()
  }
}
