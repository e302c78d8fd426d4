// shell
/** The file with the key of a node, which is made once in the life of its data folder. */

import { randomBytes } from 'node:crypto'
import { chmod, link, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { codeOf, textOf } from './folder-failure.ts'
import { PRIVATE_FILE, readOrNothing, writeNew } from './private-file.ts'

const KEY_FILE = 'key'
/** Bits that let anybody else at a file. */
const OTHERS = 0o077

/** An empty key is looked at for a second. */
const EMPTY_LOOKS = 20
const EMPTY_LOOK_MS = 50

export interface KeyInit {
  /** The data folder. */
  readonly path: string
  /** Makes the bytes of a new key; asked once in the life of a folder. */
  readonly makeKey: () => Promise<Uint8Array>
  readonly onWarning: (message: string) => void
  /** Nobody is waited for any more when it aborts. */
  readonly signal?: AbortSignal | undefined
}

/** The key of the folder. Of two processes that make one at the same moment, both get the same. */
export async function openKey(init: KeyInit): Promise<Uint8Array> {
  const file = join(init.path, KEY_FILE)
  const known = await readKey(file, init.signal)
  if (known !== undefined && known.length > 0) {
    await closeToOthers(file, init)
    return known
  }
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  try {
    await writeNew(draft, await init.makeKey())
    const found = known ?? (await placeKey(draft, file, init.signal))
    // Once more, as late as can be: another one may have found it empty as well, and made it since.
    if (found?.length === 0 && !(await readOrNothing(file))?.length) {
      await rename(draft, file)
      init.onWarning(`the key in ${init.path} was empty, as one whose writer was cut off: a new one was made`)
    }
  } finally {
    // Also one that is empty, as there was no room for more.
    await rm(draft, { force: true })
  }
  return readFile(file)
}

/** Gives the draft the name of the key, unless there is one. @returns what has that name then */
async function placeKey(draft: string, file: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  try {
    // A link is made as a whole or not at all, and never over what is there.
    await link(draft, file).catch(async (error: unknown) => {
      if (codeOf(error) === 'EEXIST') throw error
      // A file system without links says so in many ways, and where something else is wrong, this tells what.
      await writeNew(file, await readFile(draft))
    })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  return readKey(file, signal)
}

/** Without links, a key is empty while it is written. One that stays so was left behind when its writer was cut off. */
async function readKey(file: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  for (let looks = 0; ; looks++) {
    const found = await readOrNothing(file)
    if (found?.length !== 0 || looks === EMPTY_LOOKS) return found
    await delay(EMPTY_LOOK_MS, undefined, { signal })
  }
}

async function closeToOthers(file: string, init: KeyInit): Promise<void> {
  if (!(await isOpenToOthers(file))) return
  const found = `others could read the key in ${init.path}`
  try {
    await chmod(file, PRIVATE_FILE)
    // Linux says nothing where the file system, such as FAT, cannot keep the mode.
    if (await isOpenToOthers(file)) throw new Error('the file system keeps no modes')
    init.onWarning(`${found}: it was made private. Use a new one if they may have`)
  } catch (error) {
    // It belongs to another user, or is on a file system without owners.
    init.onWarning(`${found}, and it cannot be made private: let only this process at it (${textOf(error)})`)
  }
}

async function isOpenToOthers(file: string): Promise<boolean> {
  return process.platform !== 'win32' && ((await stat(file)).mode & OTHERS) !== 0
}
