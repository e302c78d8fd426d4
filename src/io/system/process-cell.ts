// shell
/** Processes of their own as cells. */

import { type ChildProcess, fork } from 'node:child_process'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

import type { Cell, CellEnd, CellHandlers, CellInit } from '../../ports.ts'
import { CellReader } from './cell-reader.ts'

/** Of what a process has written on stderr before its end, so much is kept. */
const LAST_WORDS_LENGTH = 2_048

/** So long after its end, its last words are waited for. */
const LAST_WORDS_MS = 500

/** What V8 writes when it gives up; the process then ends by SIGABRT. */
const OUT_OF_MEMORY = /heap out of memory|invalid array length Allocation failed/i

export class ProcessCell implements Cell {
  readonly #child: ChildProcess
  readonly #reader = new CellReader()
  #lastWords = ''

  constructor(init: CellInit, handlers: CellHandlers) {
    const { entry, heapMb } = init
    const flags = inheritedFlags(process.execArgv)
    this.#child = fork(fileURLToPath(entry), [String(process.pid)], {
      execArgv: heapMb === undefined ? flags : [...flags, `--max-old-space-size=${heapMb}`],
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    this.#child.on('message', message => this.#reader.take(() => handlers.onMessage(message)))
    this.#followErrors()
    this.#followEnd(handlers)
    this.#child.unref()
    this.#child.channel?.unref()
  }

  // Processes share no memory: there is nothing to transfer, all is copied.
  post(message: object, _transfer: readonly ArrayBuffer[]): void {
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  kill(): void {
    this.#child.ref()
    this.#child.channel?.ref()
    this.#child.kill('SIGKILL')
  }

  abandon(): void {
    this.#child.unref()
    this.#child.channel?.unref()
  }

  #followErrors(): void {
    const { stderr } = this.#child
    if (!(stderr instanceof Socket)) return
    stderr.unref()
    stderr.on('data', (chunk: Buffer) => {
      process.stderr.write(chunk)
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-LAST_WORDS_LENGTH)
    })
  }

  /** The process may have ended before its last messages and words are read: the end is told after both. */
  #followEnd(handlers: CellHandlers): void {
    let isEnded = false
    const finish = (end: CellEnd): void => {
      if (isEnded) return
      isEnded = true
      this.#reader.take(() => handlers.onEnd(end))
    }
    this.#child.on('error', error => {
      // A process that runs goes on, whatever could not be done to it.
      if (this.#child.pid === undefined) finish({ kind: 'broken', error })
    })
    this.#child.on('exit', (code, signal) => {
      const end = (): void => {
        clearTimeout(timer)
        finish(this.#endOf(code, signal))
      }
      // A process that it has started may hold its stderr open.
      const timer = setTimeout(end, LAST_WORDS_MS)
      this.#child.once('close', end)
    })
  }

  #endOf(code: number | null, signal: string | null): CellEnd {
    if (OUT_OF_MEMORY.test(this.#lastWords)) return { kind: 'out-of-memory' }
    if (signal !== null) return { kind: 'signal', signal, lastWords: this.#lastWords }
    return { kind: 'exit', code: code ?? 0 }
  }
}

/** The flags of this process that its children are to have: not those that say what to run, or listen on a port. */
export function inheritedFlags(flags: readonly string[]): string[] {
  const inherited: string[] = []
  for (let index = 0; index < flags.length; index++) {
    const flag = flags[index] ?? ''
    if (CODE_FLAGS.has(flag)) index += 1
    else if (!OWN_FLAGS.test(flag)) inherited.push(flag)
  }
  return inherited
}

/** Followed by code. */
const CODE_FLAGS: ReadonlySet<string> = new Set(['-e', '--eval', '-p', '--print', '-pe'])

const OWN_FLAGS = /^(?:--inspect|--watch|--test|--input-type|--eval=|--print=|--check|-i$|-c$|--interactive)/
