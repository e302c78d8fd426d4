// shell
/** The same count without a mesh: one process, one loop, one file after the other. */

import { open, readFile } from 'node:fs/promises'

import { addCounts, countWords, wordsOf } from './words.ts'

/** A zero byte within the first so many says that a file is no text. */
const SNIFF_BYTES = 8 * 1024

export interface PlainCount {
  readonly counts: ReadonlyMap<string, number>
  readonly texts: number
}

/** Reads each file as a whole: nothing here is cut into pieces that could be cut wrongly. */
export async function plainCount(files: readonly string[], signal: AbortSignal): Promise<PlainCount> {
  const counts = new Map<string, number>()
  let texts = 0
  for (const file of files) {
    signal.throwIfAborted()
    const bytes = await readTextBytes(file)
    if (bytes === undefined) continue
    texts += 1
    addCounts(counts, countWords(wordsOf(bytes.toString('utf8'))))
  }
  return { counts, texts }
}

/** Undefined for a file that cannot be read or is no text. */
async function readTextBytes(path: string): Promise<Buffer | undefined> {
  try {
    await using file = await open(path)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0)
    return buffer.subarray(0, bytesRead).includes(0) ? undefined : await readFile(path)
  } catch {
    return undefined
  }
}
