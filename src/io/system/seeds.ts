// shell
/**
 * The addresses to join by: those of the options, and those of a file that may change at any time. Names are looked
 * up again and again, and each of their addresses is a seed: behind one name there may be a whole mesh.
 */

import { lookup } from 'node:dns/promises'
import { readFile, stat } from 'node:fs/promises'

import { objectionTo } from '../../multiaddress.ts'

/** How often the file is looked at. */
const LOOK_EVERY_MS = 1_000
/** How often names are looked up; the resolver of the system keeps what does not change. */
const RESOLVE_EVERY_MS = 5_000
/** More seeds than that are not dialled: the first ones stay. */
export const SEEDS_MAX = 1_024
export const PEERS_FILE_BYTES_MAX = 1024 * 1024
/** Of a file that is something else altogether, no more lines are told of, and no more of each. */
const BAD_LINES_SHOWN = 10
const LINE_LENGTH_SHOWN = 60

/** The addresses of a name. @param family 0: any */
export type Resolve = (name: string, family: 0 | 4 | 6) => Promise<readonly string[]>

export interface SeedsInit {
  readonly seeds: readonly string[]
  /** One multiaddress a line; empty lines and what follows a `#` mean nothing. */
  readonly file: string | undefined
  readonly onSeed: (address: string) => void
  readonly onSeedGone: (address: string) => void
  readonly onWarning: (message: string) => void
  /** @default the resolver of the system */
  readonly resolve?: Resolve
  /** How often the file is looked at. @default 1_000 */
  readonly lookEveryMs?: number
  /** How often names are looked up. @default 5_000 */
  readonly resolveEveryMs?: number
}

export class Seeds {
  readonly #init: SeedsInit
  readonly #resolve: Resolve
  readonly #lookEveryMs: number
  readonly #resolveEveryMs: number
  /** What has been told. */
  #told: ReadonlySet<string> = new Set()
  #lines: readonly string[] = []
  /** What the file looked like when it was read last. */
  #mark = ''
  /** What it looked like when it was looked at last. */
  #lastMark = ''
  #isFirstLook = true
  #complaint = ''
  readonly #resolved = new Map<string, readonly string[]>()
  #resolvedMs = -Infinity
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(init: SeedsInit) {
    this.#init = init
    this.#resolve = init.resolve ?? resolveBySystem
    this.#lookEveryMs = init.lookEveryMs ?? LOOK_EVERY_MS
    this.#resolveEveryMs = init.resolveEveryMs ?? RESOLVE_EVERY_MS
  }

  /** Tells of all seeds that are plain addresses at once, and of the others as they are found. */
  start(): void {
    this.#tell()
    void this.#look()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  async #look(): Promise<void> {
    const { file } = this.#init
    if (file !== undefined) await this.#readFile(file)
    this.#isFirstLook = false
    const names = this.#wanted().filter(address => nameIn(address) !== undefined)
    const isDue = performance.now() - this.#resolvedMs >= this.#resolveEveryMs
    const isNew = names.some(address => !this.#resolved.has(address))
    if (names.length > 0 && (isDue || isNew)) await this.#lookUp(names)
    if (this.#isStopped) return
    this.#tell()
    if (file === undefined && names.length === 0) return
    const waitMs = file === undefined ? this.#resolveEveryMs : this.#lookEveryMs
    this.#timer = setTimeout(() => void this.#look(), waitMs).unref()
  }

  #wanted(): string[] {
    return [...new Set([...this.#init.seeds, ...this.#lines])].slice(0, SEEDS_MAX)
  }

  #tell(): void {
    const now = new Set(
      this.#wanted()
        .flatMap(address => this.#expand(address))
        .slice(0, SEEDS_MAX),
    )
    const before = this.#told
    this.#told = now
    for (const address of before) if (!now.has(address)) this.#init.onSeedGone(address)
    for (const address of now) if (!before.has(address)) this.#init.onSeed(address)
  }

  #expand(address: string): readonly string[] {
    if (nameIn(address) === undefined) return [address]
    return this.#resolved.get(address) ?? []
  }

  async #lookUp(names: readonly string[]): Promise<void> {
    this.#resolvedMs = performance.now()
    for (const address of this.#resolved.keys()) if (!names.includes(address)) this.#resolved.delete(address)
    await Promise.all(
      names.map(async address => {
        const name = nameIn(address)
        if (name === undefined) return
        try {
          const found = await this.#resolve(name.name, name.family)
          this.#resolved.set(
            address,
            found.map(ip => `/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}${name.rest}`),
          )
        } catch {
          // What was found last time may still be right. Without that, the name itself is dialled: that fails with
          // the reason, which then stands where the reasons of all other addresses are.
          if ((this.#resolved.get(address) ?? []).length === 0) this.#resolved.set(address, [address])
        }
      }),
    )
  }

  async #readFile(file: string): Promise<void> {
    try {
      const found = await stat(file)
      // Reading a pipe that nobody writes into would never end, and keep the process from ending.
      if (!found.isFile()) throw new Error('it is a folder, a pipe or a device, not a file')
      const { mtimeMs, size, ino } = found
      const mark = `${ino} ${mtimeMs} ${size}`
      const isSettled = mark === this.#lastMark || this.#isFirstLook
      this.#lastMark = mark
      // What is just being written is read when it is not written any more.
      if (mark === this.#mark || !isSettled) return
      if (size > PEERS_FILE_BYTES_MAX) throw new Error(`it has more than ${PEERS_FILE_BYTES_MAX} bytes`)
      this.#lines = this.#read(await readFile(file, 'utf8'), file)
      this.#mark = mark
      this.#complaint = ''
    } catch (error) {
      // Perhaps it is just being replaced, or is yet to come: what it said last holds on.
      const reason = error instanceof Error ? error.message : String(error)
      if (reason !== this.#complaint) {
        this.#init.onWarning(`the peers file ${file} cannot be read, and is looked at again: ${reason}`)
      }
      this.#complaint = reason
    }
  }

  #read(text: string, file: string): string[] {
    const lines = text.split('\n').map(line => line.replace(/#.*/, '').trim())
    const bad = lines.flatMap((line, index) => {
      const wanted = line === '' ? undefined : objectionTo(line)
      return wanted === undefined ? [] : [`  line ${index + 1}: found ${shown(line)}, wanted ${wanted}`]
    })
    if (bad.length > 0) {
      const more = bad.length > BAD_LINES_SHOWN ? [`  and ${bad.length - BAD_LINES_SHOWN} more`] : []
      const told = [...bad.slice(0, BAD_LINES_SHOWN), ...more].join('\n')
      this.#init.onWarning(`the peers file ${file} has lines that are no address, and are left out:\n${told}`)
    }
    return lines.filter(line => line !== '' && objectionTo(line) === undefined)
  }
}

interface Name {
  readonly name: string
  readonly family: 0 | 4 | 6
  readonly rest: string
}

/** The name that an address begins with, if it begins with one. */
function nameIn(address: string): Name | undefined {
  const [, kind, name, rest] = /^\/(dns|dns4|dns6)\/([^/]+)(\/.*)$/.exec(address) ?? []
  if (kind === undefined || name === undefined || rest === undefined) return undefined
  return { name, rest, family: kind === 'dns4' ? 4 : kind === 'dns6' ? 6 : 0 }
}

async function resolveBySystem(name: string, family: 0 | 4 | 6): Promise<readonly string[]> {
  return (await lookup(name, { all: true, family })).map(({ address }) => address)
}

function shown(line: string): string {
  return JSON.stringify(line.length > LINE_LENGTH_SHOWN ? `${line.slice(0, LINE_LENGTH_SHOWN)}…` : line)
}
