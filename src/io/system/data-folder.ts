// shell
/**
 * What a node keeps between its runs: its key, the number of its last run, and where others were. One node at a time
 * uses a folder, or a copy of it: the one that came last, as in a mesh. The system itself says whether one does, so that
 * a killed process leaves no lock behind.
 */

import { createHash } from 'node:crypto'
import { access, constants, mkdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

import { unreachable } from '../../assert.ts'
import { DataFolderError, DuplicateIdentityError } from '../../errors.ts'
import { type AddressBook, type KnownPeer, readAddressBook } from './address-book.ts'
import { beginningOf, codeOf, folderFailure, textOf } from './folder-failure.ts'
import { Incumbent } from './incumbent.ts'
import { type KeyInit, openKey } from './key-file.ts'
import type { Lock } from './lock.ts'
import { lockSecret } from './lock-messages.ts'
import { readOrNothing, replaceFile } from './private-file.ts'
import { type Refusal, TAKEOVER_LIMITS, type TakeoverLimits, takeOver } from './takeover.ts'

const PEERS_FILE = 'peers.json'
const BOOT_FILE = 'boot'
/** Used by the owner only. */
const PRIVATE_FOLDER = 0o700

/** Others take numbers of runs below 2^53. Half of it is a time in the year 144,683, and leaves room for larger ones to come. */
const BOOT_MAX = 2 ** 52

/** Others may start at the same moment: between two looks, they make a folder above, or somebody takes it away again. */
const MAKE_TRIES = 4

/** How new joins are collected before the list is written again. */
const WRITE_DELAY_MS = 200

/** How often it is written that those who have come are still there. */
const REWRITE_EVERY_MS = 24 * 60 * 60 * 1000

export interface DataFolderInit extends KeyInit {
  /** The id of the node with that key. @throws {DataFolderError} when it is none */
  readonly idOf: (key: Uint8Array) => string
  readonly wallMs: () => number
  /** @default TAKEOVER_LIMITS */
  readonly limits?: TakeoverLimits
}

interface Kept {
  readonly key: Uint8Array
  readonly boot: number
  readonly book: AddressBook
  readonly lock: Lock
  readonly incumbent: Incumbent
}

export class DataFolder {
  readonly path: string
  /** The bytes of the key: the same for every run that uses the folder. */
  readonly key: Uint8Array
  /** The number of this run: the wall clock, but larger than in every earlier run, also where the clock was set back. */
  readonly boot: number
  readonly #book: AddressBook
  readonly #lock: Lock
  readonly #incumbent: Incumbent
  readonly #onWarning: (message: string) => void
  #timer: NodeJS.Timeout | undefined
  readonly #rewriting = setInterval(() => this.#write(), REWRITE_EVERY_MS).unref()
  #writing: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  private constructor(init: DataFolderInit, kept: Kept) {
    this.path = init.path
    this.key = kept.key
    this.boot = kept.boot
    this.#book = kept.book
    this.#lock = kept.lock
    this.#incumbent = kept.incumbent
    this.#onWarning = init.onWarning
  }

  /**
   * Opens a folder, and makes it where there is none. Where another node of this machine uses its key, that one is asked
   * to give way, and waited for.
   * @throws {DataFolderError} when that one does not, or the folder cannot be used; {DuplicateIdentityError} when a third
   * one has come while it was waited for
   */
  static async open(given: DataFolderInit): Promise<DataFolder> {
    // Once: the process may go to another directory later.
    const path = resolve(given.path)
    const init = { ...given, path }
    try {
      await makeFolder(path)
      const key = await openKey(init)
      const id = init.idOf(key)
      // What is wrong with the folder is found before another node gives way for it.
      await readBook(init)
      await lastBoot(init)
      const { lock, incumbent, bootMin } = await takeKey(init, key, id)
      try {
        const book = await readBook(init, found => init.onWarning(garbageOf(path, PEERS_FILE, found)))
        incumbent.boot = await nextBoot(init, bootMin)
        return new DataFolder(init, { key, boot: incumbent.boot, book, lock, incumbent })
      } catch (error) {
        await lock.release()
        throw error
      }
    } catch (cause) {
      const isOurs = cause instanceof DataFolderError || cause instanceof DuplicateIdentityError
      if (isOurs || init.signal?.aborted === true) throw cause
      throw new DataFolderError(`the data folder ${path} cannot be used: ${folderFailure(cause)}`, { cause })
    }
  }

  /** Another process has come with this key and waits for this one to close: the number of its run. Told once more if it was so before. */
  onReplaced(listener: (boot: number) => void): void {
    this.#incumbent.onReplaced(listener)
  }

  /** Who was in the mesh in earlier runs, and where; who was seen last comes first. */
  peers(): readonly KnownPeer[] {
    return this.#book.peers()
  }

  /** Writes down where a member is; a moment later, together with others. */
  remember(id: string, addresses: readonly string[]): void {
    this.#book.note(id, addresses)
    this.#timer ??= setTimeout(() => this.#write(), WRITE_DELAY_MS).unref()
  }

  /** The member is gone: written down with what comes next. */
  part(id: string): void {
    this.#book.part(id)
  }

  /** Writes what is not written yet, and lets others use the folder. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#rewriting)
    this.#write()
    await this.#writing
    await this.#lock.release()
  }

  #write(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.#book.hasMet) return
    this.#book.refresh()
    const text = this.#book.toText()
    this.#writing = this.#writing
      .then(() => replaceFile(join(this.path, PEERS_FILE), text))
      .catch((error: unknown) =>
        this.#onWarning(`the addresses of the mesh could not be written to ${this.path}: ${textOf(error)}`),
      )
  }
}

/** Takes the lock of the key, from whoever has it. `bootMin`: what the number of this run is at least. */
async function takeKey(
  init: DataFolderInit,
  key: Uint8Array,
  id: string,
): Promise<{ readonly lock: Lock; readonly incumbent: Incumbent; readonly bootMin: number | undefined }> {
  const { path: folder, wallMs, onWarning, signal, limits = TAKEOVER_LIMITS } = init
  const secret = lockSecret(key)
  const incumbent = new Incumbent({
    secret,
    wallMs,
    onAsked: process =>
      onWarning(`process ${process} has started with the key in ${folder}: this node gives way to it`),
  })
  const name = createHash('sha256').update('meshvisor lock').update(key).digest('hex')
  const taken = await takeOver({ place: { folder, name }, secret, incumbent, limits, signal })
  if (taken.kind === 'outbid') throw new DuplicateIdentityError(id)
  if (taken.kind !== 'taken') {
    const found = `the key in the data folder ${folder} is used by another node that runs now on this machine, from this folder or a copy of it`
    throw new DataFolderError(`${found}: ${refusal(taken, limits)}, or give each node a folder of its own`)
  }
  const { lock, before } = taken
  if (before !== undefined)
    onWarning(`process ${before.process} ran with the key in ${folder}, and has given way to this node`)
  return { lock, incumbent, bootMin: before?.boot }
}

/** What is in the way, and what to do. */
function refusal(found: Exclude<Refusal, { kind: 'outbid' }>, { answerMs, leaveMs }: TakeoverLimits): string {
  switch (found.kind) {
    case 'silent':
      return `it was asked to give way and has not answered in ${answerMs} ms, as one that is stopped or hangs: end its process`
    case 'mute':
      return 'it does not let itself be asked to give way, as one of an earlier version: stop it first'
    case 'stranger':
      return `its lock is held by something that does not have the key, or by one of another version: stop it first`
    case 'stuck':
      return `it has said that it gives way, and has not in ${leaveMs} ms: end its process (${found.process})`
    default:
      return unreachable(found)
  }
}

/**
 * `mkdir` of Node with `recursive` never ends where a folder that exists can have no others in it, such as `/proc`:
 * it is told that something is missing, and makes the folder above again and again.
 */
async function makeFolder(path: string): Promise<void> {
  const parent = dirname(path)
  for (let tries = 1; ; tries++) {
    try {
      await mkdir(path, PRIVATE_FOLDER)
      return
    } catch (error) {
      const code = codeOf(error)
      if (code === 'EEXIST') return refuseFile(path, error)
      if (code !== 'ENOENT' || parent === path || tries === MAKE_TRIES) throw error
      // Where it is there, another process has just made it, or no folder can be made in it: trying again tells.
      if (!(await exists(parent))) await makeFolder(parent)
    }
  }
}

/** @throws {Error} `error`, where there is something else than a folder at the path, or a link to nothing */
async function refuseFile(path: string, error: unknown): Promise<void> {
  if (!(await stat(path)).isDirectory()) throw error
  // Others would be told of no permission only when the first file is written, half a second of work later.
  await access(path, constants.W_OK | constants.X_OK)
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** What it means that a file of the folder holds something else than what nodes write there. */
const GARBAGE = {
  [PEERS_FILE]:
    'wanted a list of members: those of earlier runs are not remembered, so the mesh is found by seeds and multicast only; the next members that come are written over it',
  [BOOT_FILE]:
    'wanted the number of the last run: this one has its number from the clock alone; where that was set back since, and the node learns of a later run only when it takes work already, it stops, as if another process had its key',
} as const

function garbageOf(folder: string, file: keyof typeof GARBAGE, found: string): string {
  return `${join(folder, file)} holds ${beginningOf(found)}, ${GARBAGE[file]}`
}

async function readBook(
  { path, wallMs }: DataFolderInit,
  onGarbage?: (found: string) => void,
): Promise<AddressBook> {
  return readAddressBook(await readOrNothing(join(path, PEERS_FILE)), wallMs, onGarbage)
}

/** @returns NaN where there is none, or none that can be read: `onGarbage` is told of what is there then */
async function lastBoot(
  { path }: DataFolderInit,
  onGarbage: (found: string) => void = () => {},
): Promise<number> {
  const file = join(path, BOOT_FILE)
  const text = (await readOrNothing(file))?.toString().trim() ?? ''
  if (text === '') return NaN
  const last = Number(text)
  if (!(Number.isInteger(last) && last >= 0)) {
    onGarbage(text)
    return NaN
  }
  if (last >= BOOT_MAX) {
    const found = `${file} holds ${last}, wanted the number of the last run, in ms since 1970 and below ${BOOT_MAX}`
    throw new DataFolderError(`${found}: remove that file, or use a new data folder`)
  }
  return last
}

/**
 * The number of the next run, written down before it is used.
 * @param bootMin what the one has said whose place it takes: of a copy, the folder itself does not know that run
 */
async function nextBoot(init: DataFolderInit, bootMin = init.wallMs()): Promise<number> {
  const last = await lastBoot(init, found => init.onWarning(garbageOf(init.path, BOOT_FILE, found)))
  const boot = Number.isSafeInteger(last) ? Math.max(bootMin, last + 1) : bootMin
  try {
    await replaceFile(join(init.path, BOOT_FILE), String(boot))
  } catch (error) {
    init.onWarning(`the number of this run could not be written to ${init.path}: ${textOf(error)}`)
  }
  return boot
}
