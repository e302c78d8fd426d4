/** A node in a process of its own that can be frozen, cut off and killed, and tells what it sees. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { PATIENCE_MS } from '../patience.ts'

/** What a node is told when it starts. */
export interface MeshOrders {
  readonly cluster: string
  readonly name: string
  readonly listen?: string
  readonly seeds: readonly string[]
  /** @default false */
  readonly mdns?: boolean
  readonly dataFolder?: string
  /** @default 'member' */
  readonly role?: 'client' | 'member'
}

/** What a node sees, at the moment at which it says so. */
export interface Sight {
  readonly wallMs: number
  /** The names of the members that are alive, its own included, sorted. */
  readonly alive: readonly string[]
  /** The names of those with whom it has a session, sorted. */
  readonly connected: readonly string[]
  /** The workers that run on it, sorted. */
  readonly running: readonly string[]
}

/** Something that has happened on a node. */
export interface Sighting {
  readonly kind: string
  /** The member, the worker or the spec that it is about. */
  readonly about: string
  readonly wallMs: number
}

/** A probe period of 500 ms (`lan`), as long as it gets where a node is unwell (`LocalHealth`): by then it is judged. */
const JUDGED_MS = 9 * 500

const NOTHING: Sight = { wallMs: 0, alive: [], connected: [], running: [] }

export class MeshProcess {
  readonly name: string
  readonly sightings: Sighting[] = []
  /** Warnings and errors of its log, oldest first. */
  readonly said: string[] = []
  sight: Sight = NOTHING
  id = ''
  address = ''
  readonly #child: ChildProcess
  /** Who waits for an answer, by the number of the question: one that takes long is answered after later ones. */
  readonly #waiting = new Map<number, (answer: unknown) => void>()
  #questions = 0
  readonly #listeners = new Set<() => void>()

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#child = child
    child.on('message', message => this.#read(message))
  }

  /** Starts a node, in a network namespace of its own if one is named, and waits until it takes work. */
  static async start(orders: MeshOrders, namespace?: string): Promise<MeshProcess> {
    const file = fileURLToPath(new URL('mesh-process-child.ts', import.meta.url))
    const command = [process.execPath, file, JSON.stringify(orders)]
    const [program = '', ...args] =
      namespace === undefined ? command : ['ip', 'netns', 'exec', namespace, ...command]
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const started = new MeshProcess(orders.name, child)
    await started.until('it is ready', () => started.id !== '')
    return started
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Waits until `condition` holds, looking again at whatever the process says. */
  async until(what: string, condition: () => boolean, patienceMs = PATIENCE_MS): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const look = (): void => {
      if (condition()) resolve()
      else if (this.isOver) reject(new Error(`${this.name} is over: ${what}`))
    }
    const timer = setTimeout(() => {
      const said = this.sightings.map(({ kind, about }) => `${kind} ${about}`).slice(-40)
      reject(
        new Error(
          `${this.name}: not in ${patienceMs} ms: ${what}; it sees ${JSON.stringify(this.sight)} after ${said.join(', ')}`,
        ),
      )
    }, patienceMs)
    this.#listeners.add(look)
    this.#child.on('exit', look)
    try {
      look()
      await promise
    } finally {
      clearTimeout(timer)
      this.#listeners.delete(look)
      this.#child.off('exit', look)
    }
  }

  /** Declares standalone workers `w0`, `w1` … on this node, and waits until they run. */
  async addWorkers(count: number): Promise<void> {
    await this.#ask({ addWorkers: count })
  }

  /**
   * Declares three workers, `inline`, `thread` and `process`, that run as they are called and write down in `file` how
   * they are stopped; waits until they run.
   */
  async addDiarists(file: string): Promise<void> {
    await this.#ask({ diaryOfEach: file })
  }

  /** What runs on the node, and in what: `node.snapshot().workers`. */
  async workers(): Promise<unknown> {
    return this.#ask({ workers: true })
  }

  /** Calls a worker of the mesh, again and again. @returns the process that it runs in, or why there is no answer */
  async call(worker: string): Promise<unknown> {
    return this.#ask({ call: worker })
  }

  /** Sends 64 KiB at a time to a worker until that is refused. @returns how many bytes were taken, and why no more */
  async flood(worker: string): Promise<unknown> {
    return this.#ask({ flood: worker })
  }

  /** Calls a worker that lets nobody else run until there is such a file. @returns what the caller is told */
  async loop(worker: string, untilFile: string): Promise<unknown> {
    return this.#ask({ loop: worker, untilFile })
  }

  /** Keeps the event loop busy: `share` of the time, for `durationMs`. */
  async burn(share: number, durationMs: number): Promise<void> {
    await this.#ask({ burn: share, durationMs })
  }

  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  /** From one moment to the next, with everything in its memory. */
  async kill(): Promise<void> {
    if (this.isOver) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  #ask(question: object): Promise<unknown> {
    const n = ++this.#questions
    return new Promise(resolve => {
      this.#waiting.set(n, resolve)
      this.#child.send({ ...question, n })
    })
  }

  #read(message: unknown): void {
    if (typeof message !== 'object' || message === null) return
    if ('id' in message && 'address' in message) {
      this.address = String(message.address)
      this.id = String(message.id)
    }
    if ('sight' in message && isSight(message.sight)) this.sight = message.sight
    if ('sighting' in message && isSighting(message.sighting)) this.sightings.push(message.sighting)
    if ('said' in message) this.said.push(String(message.said))
    if ('answer' in message && 'n' in message && typeof message.n === 'number') {
      this.#waiting.get(message.n)?.(message.answer)
      this.#waiting.delete(message.n)
    }
    for (const look of this.#listeners) look()
  }
}

/** One with workers, but not the first. Keys are drawn anew for each run, so that any of them may be without. */
export function oneWithWorkers([, ...others]: readonly MeshProcess[]): MeshProcess {
  const one = others.find(({ sight }) => sight.running.length > 0)
  if (one === undefined) throw new Error('all workers are on the first process')
  return one
}

/** Waits until each worker runs on one of the nodes, and on no other. */
export async function untilOneEach(
  what: string,
  processes: readonly MeshProcess[],
  workers: readonly string[],
): Promise<void> {
  const wanted = workers.toSorted().join()
  const isSo = (): boolean =>
    processes
      .flatMap(({ sight }) => sight.running)
      .toSorted()
      .join() === wanted
  // Whichever of them says something: the others are looked at too.
  await Promise.any(processes.map(process => process.until(`${what}: each worker once`, isSo)))
}

/** Waits until each of the nodes sees exactly those alive. */
export async function untilAllSee(
  what: string,
  processes: readonly MeshProcess[],
  seen: readonly MeshProcess[],
): Promise<void> {
  const wanted = seen
    .map(({ name }) => name)
    .toSorted()
    .join()
  await Promise.all(
    processes.map(process =>
      process.until(`${what}: it sees ${wanted}`, () => process.sight.alive.join() === wanted),
    ),
  )
}

/** Waits until each of the nodes has a session with each other: those that can wait are opened when nobody comes any more. */
export async function untilAllMet(what: string, processes: readonly MeshProcess[]): Promise<void> {
  const others = processes.length - 1
  await Promise.all(
    processes.map(process =>
      process.until(`${what}: it has met all`, () => process.sight.connected.length === others),
    ),
  )
}

/** Waits until each of the nodes has seen so much time pass. */
export async function untilPassed(processes: readonly MeshProcess[], durationMs: number): Promise<void> {
  const sinceMs = Date.now()
  const isLater = (process: MeshProcess): boolean => process.sight.wallMs - sinceMs > durationMs
  await Promise.all(processes.map(process => process.until('time has passed', () => isLater(process))))
}

/** How often any of the nodes has told of any such thing. */
export function countOf(kind: string, processes: readonly MeshProcess[]): number {
  return processes.flatMap(({ sightings }) => sightings.filter(sighting => sighting.kind === kind)).length
}

/**
 * Waits until nothing that one node that was busy has to do with can become a death any more: what was asked in that
 * time has been judged, and nobody is suspected of anything.
 */
export async function untilNobodyIsSuspected(processes: readonly MeshProcess[]): Promise<void> {
  await untilPassed(processes, JUDGED_MS)
  await untilAllSee('nobody is suspected', processes, processes)
}

function isSight(value: unknown): value is Sight {
  return typeof value === 'object' && value !== null && 'alive' in value && 'running' in value
}

function isSighting(value: unknown): value is Sighting {
  return typeof value === 'object' && value !== null && 'kind' in value && 'about' in value
}
