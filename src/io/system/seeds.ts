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
  /** Addresses may come of this name, which is being looked up: `onSeed` or `onSeedGone` says what has. */
  readonly onAwaited: (name: string) => void
  /** `name`: the address is one of those that were found by it. */
  readonly onSeed: (address: string, name: string | undefined) => void
  readonly onSeedGone: (address: string) => void
  readonly onWarning: (message: string) => void
  /** @default the resolver of the system */
  readonly resolve?: Resolve
  /** How often the file is looked at. @default 1_000 */
  readonly lookEveryMs?: number
  /** How often names are looked up. @default 5_000 */
  readonly resolveEveryMs?: number
}

/** What is known of a name that is looked up again and again. */
interface LookUp {
  /** The seeds that it stands for; undefined: there was no answer yet. */
  found: readonly string[] | undefined
  /** Of the next lookup; undefined while one is under way, which may take a minute where no server answers. */
  timer: NodeJS.Timeout | undefined
}

export class Seeds {
  readonly #init: SeedsInit
  readonly #resolve: Resolve
  readonly #lookEveryMs: number
  readonly #resolveEveryMs: number
  /** What has been told, of each address. */
  #told: ReadonlyMap<string, 'seed' | 'awaited'> = new Map()
  #lines: readonly string[] = []
  /** What the file looked like when it was read last. */
  #mark = ''
  /** What it looked like when it was looked at last. */
  #lastMark = ''
  #isFirstLook = true
  #complaint = ''
  /** By the addresses that begin with a name. */
  readonly #lookUps = new Map<string, LookUp>()
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
    const { file } = this.#init
    if (file !== undefined) void this.#look(file)
  }

  /** Nothing is told from now on; a lookup that is under way is not waited for. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    for (const { timer } of this.#lookUps.values()) clearTimeout(timer)
  }

  async #look(file: string): Promise<void> {
    await this.#readFile(file)
    this.#isFirstLook = false
    if (this.#isStopped) return
    this.#tell()
    this.#timer = setTimeout(() => void this.#look(file), this.#lookEveryMs).unref()
  }

  #wanted(): string[] {
    return [...new Set([...this.#init.seeds, ...this.#lines])].slice(0, SEEDS_MAX)
  }

  /** Tells what is news, and begins to look up the names that are new. */
  #tell(): void {
    const wanted = this.#wanted()
    const now = new Map(wanted.flatMap(address => this.#expand(address)).slice(0, SEEDS_MAX))
    const before = this.#told
    this.#told = now
    for (const address of before.keys()) if (!now.has(address)) this.#init.onSeedGone(address)
    for (const [address, kind] of now) {
      if (before.get(address) === kind) continue
      if (kind === 'seed') this.#init.onSeed(address, this.#nameOf(address))
      else this.#init.onAwaited(address)
    }
    for (const address of wanted) {
      const name = nameIn(address)
      if (name !== undefined && !this.#lookUps.has(address)) void this.#lookUp(address, name)
    }
  }

  #expand(address: string): [string, 'seed' | 'awaited'][] {
    if (nameIn(address) === undefined) return [[address, 'seed']]
    const found = this.#lookUps.get(address)?.found
    return found === undefined ? [[address, 'awaited']] : found.map(each => [each, 'seed'])
  }

  #nameOf(address: string): string | undefined {
    for (const [name, { found }] of this.#lookUps) if (found?.includes(address) === true) return name
    return undefined
  }

  async #lookUp(address: string, name: Name): Promise<void> {
    const lookUp: LookUp = { found: this.#lookUps.get(address)?.found, timer: undefined }
    this.#lookUps.set(address, lookUp)
    try {
      const found = await this.#resolve(name.name, name.family)
      lookUp.found = found.map(ip => `/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}${name.rest}`)
    } catch {
      // What was found last time may still be right. Without that, the name itself is dialled: that fails with
      // the reason, which then stands where the reasons of all other addresses are.
      if ((lookUp.found ?? []).length === 0) lookUp.found = [address]
    }
    if (this.#isStopped) return
    if (!this.#wanted().includes(address)) return void this.#lookUps.delete(address)
    lookUp.timer = setTimeout(() => void this.#lookUp(address, name), this.#resolveEveryMs).unref()
    this.#tell()
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
