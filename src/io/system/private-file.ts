// shell
/** A small file that only its owner reads and writes. */

import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'

import { codeOf } from './folder-failure.ts'

/** Read and written by the owner only. */
export const PRIVATE_FILE = 0o600

/** The largest of the files is the list of addresses: 256 members with a few addresses each take some 100 KB. */
const FILE_BYTES_MAX = 16 * 1024 * 1024

/** Never over what is there, and what cannot be written as a whole leaves nothing behind. */
export async function writeNew(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx', PRIVATE_FILE)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } catch (error) {
    await rm(file, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

/** Whoever reads it finds the text as a whole, or what was there before. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.new`
  await writeFile(draft, text, { mode: PRIVATE_FILE, flush: true })
  await rename(draft, file)
}

/** Only of what is a file, and not too large: to read a pipe, or a device, would take for ever. */
export async function readOrNothing(file: string): Promise<Buffer | undefined> {
  try {
    const found = await stat(file)
    if (!found.isFile()) throw new Error(`${file} is no file: move it away`)
    if (found.size > FILE_BYTES_MAX)
      throw new Error(`${file} has more than ${FILE_BYTES_MAX} bytes: move it away`)
    return await readFile(file)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
