// pure
/** Why a data folder cannot be used, for people: what was found, and what to do. */

/** The code of the system → what it means. */
const REASONS: ReadonlyMap<unknown, string> = new Map([
  ['EEXIST', 'there is a file of that name, wanted a folder: move the file away, or name another folder'],
  ['ENOTDIR', 'a part of the path is a file, wanted folders: correct the path'],
  [
    'ENOENT',
    'no folder can be made there (below a link to nothing, or in a file system of the kernel): name another one',
  ],
  ['EACCES', 'this process may not read or write there: give it the right to, or name a folder of its own'],
  ['EPERM', 'the system lets nobody write there, or not this process: name another folder'],
  ['EROFS', 'the file system there is read-only: name a folder that can be written to'],
  ['ENOSPC', 'there is no room left there: make room, or name a folder elsewhere'],
  ['EDQUOT', 'the quota there is used up: make room, or name a folder elsewhere'],
  ['ENAMETOOLONG', 'the path is too long for the system: name a shorter one'],
  ['ELOOP', 'links in the path lead in a circle: correct them, or name another folder'],
  ['EMFILE', 'this process has too many files open: raise its limit (ulimit -n)'],
  ['ENFILE', 'the system has too many files open: raise its limit'],
  ['EIO', 'the disk cannot be read or written: look at the log of the system'],
  ['EISDIR', 'a folder stands where a file of the node belongs: move it away'],
  ['ERR_INVALID_ARG_VALUE', 'a path has no character of the number 0 in it: correct it'],
])

/** @param cause what the system has said */
export function folderFailure(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const reason = REASONS.get(codeOf(cause))
  return reason === undefined ? cause.message : `${reason} (${cause.message})`
}

/** What the system calls it; undefined where it is none of the system. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** What it says, for people. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** So much of what stands in a file is shown. */
const SHOWN_MAX = 40

/** The beginning of what stands in a file of the folder, on one line. */
export function beginningOf(text: string): string {
  return JSON.stringify(text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text)
}
