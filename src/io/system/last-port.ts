// shell
/**
 * The port of the last run, for a node that listens at any: where a whole mesh was stopped, each member looks for the others
 * where they were, and they would all be somewhere else.
 */

import { join } from 'node:path'

import { beginningOf, textOf } from './folder-failure.ts'
import { readOrNothing, replaceFile } from './private-file.ts'

const PORT_FILE = 'port'
const ANY_PORT = /\/tcp\/0$/
/** As it is written here. */
const PORT = /^\d{1,5}$/
const PORT_MAX = 65_535

const LOST =
  'wanted the port of the last run: this node listens at any, where members that look for it at the last one do not find it'

/**
 * @param onWarning told where what is there is no port, or cannot be read; an empty file is none
 * @returns where to listen, if it can be; undefined: there was no run, or it is said where
 */
export async function addressOfLastRun(
  folder: string,
  [address, ...others]: readonly string[],
  onWarning: (message: string) => void,
): Promise<string | undefined> {
  // Of several addresses, each may have another port.
  if (address === undefined || others.length > 0 || !ANY_PORT.test(address)) return undefined
  const text = await textOfLastRun(folder, onWarning)
  if (text === '') return undefined
  const port = Number(text)
  if (!PORT.test(text) || port < 1 || port > PORT_MAX) {
    onWarning(`${join(folder, PORT_FILE)} holds ${beginningOf(text)}, ${LOST}`)
    return undefined
  }
  return address.replace(ANY_PORT, `/tcp/${port}`)
}

async function textOfLastRun(folder: string, onWarning: (message: string) => void): Promise<string> {
  try {
    return (await readOrNothing(join(folder, PORT_FILE)))?.toString().trim() ?? ''
  } catch (error) {
    onWarning(`the port of the last run cannot be read (${textOf(error)}): ${LOST}`)
    return ''
  }
}

/** Notes the port of this run. It is a help, and nothing depends on it. */
export async function notePort(folder: string, [address]: readonly string[]): Promise<void> {
  const port = /\/tcp\/(\d+)/.exec(address ?? '')?.[1]
  if (port === undefined) return
  await replaceFile(join(folder, PORT_FILE), port).catch(() => {})
}
