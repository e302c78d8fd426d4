// shell
/** Text files as streams of pieces that end between words. */

import { type FileHandle, open } from 'node:fs/promises'

import { cutBeforeLastWord } from './words.ts'

/** Small enough to be passed around, large enough to be worth it. */
const PIECE_BYTES = 64 * 1024
/** A zero byte in here says that a file is no text. */
const SNIFF_BYTES = 8 * 1024

/** Why a file is left out. */
export type Skip = 'binary' | 'unreadable'

/** The text of a file in pieces, or why it has none. A file that cannot be read is no error: it is left out. */
export async function* textOf(path: string): AsyncGenerator<string | { readonly skip: Skip }, void, void> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch {
    yield { skip: 'unreadable' }
    return
  }
  try {
    yield* piecesOf(file)
  } catch {
    yield { skip: 'unreadable' }
  } finally {
    await file.close()
  }
}

async function* piecesOf(file: FileHandle): AsyncGenerator<string | { readonly skip: Skip }, void, void> {
  const decoder = new TextDecoder()
  const buffer = Buffer.alloc(PIECE_BYTES)
  let rest = ''
  for (let at = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES, at)
    if (at === 0 && buffer.subarray(0, Math.min(bytesRead, SNIFF_BYTES)).includes(0)) {
      yield { skip: 'binary' }
      return
    }
    at += bytesRead
    const [whole, last] = cutBeforeLastWord(
      rest + decoder.decode(buffer.subarray(0, bytesRead), { stream: bytesRead > 0 }),
    )
    rest = last
    if (bytesRead === 0) {
      yield whole + rest
      return
    }
    if (whole !== '') yield whole
  }
}
