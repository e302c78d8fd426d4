// shell
/** The files of a folder. */

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A folder that cannot be used, with what to do about it. */
export class FolderError extends Error {
  override readonly name = 'FolderError'
}

/** All files below `folder`, sorted; links are not followed. @throws {FolderError} */
export async function filesOf(folder: string): Promise<string[]> {
  const info = await stat(folder).catch(() => undefined)
  if (info === undefined) throw new FolderError(`there is no folder ${folder}`)
  if (!info.isDirectory()) throw new FolderError(`${folder} is not a folder: give the folder that holds it`)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  if (files.length === 0) throw new FolderError(`the folder ${folder} has no files in it`)
  return files.toSorted()
}
