// shell
/**
 * The port of the last run, for a node that listens at any: where a whole mesh was stopped, each member looks for the others
 * where they were, and they would all be somewhere else.
 */

import { join } from 'node:path'

import { readOrNothing, replaceFile } from './private-file.ts'

const PORT_FILE = 'port'
const ANY_PORT = /\/tcp\/0$/
/** As it is written here. */
const PORT = /^\d{1,5}$/
const PORT_MAX = 65_535

/** @returns where to listen, if it can be; undefined: there was no run, or it is said where */
export async function addressOfLastRun(
  folder: string,
  [address, ...others]: readonly string[],
): Promise<string | undefined> {
  // Of several addresses, each may have another port.
  if (address === undefined || others.length > 0 || !ANY_PORT.test(address)) return undefined
  const found = await readOrNothing(join(folder, PORT_FILE)).catch(() => undefined)
  const text = found?.toString() ?? ''
  const port = Number(text)
  if (!PORT.test(text) || port < 1 || port > PORT_MAX) return undefined
  return address.replace(ANY_PORT, `/tcp/${port}`)
}

/** Notes the port of this run. It is a help, and nothing depends on it. */
export async function notePort(folder: string, [address]: readonly string[]): Promise<void> {
  const port = /\/tcp\/(\d+)/.exec(address ?? '')?.[1]
  if (port === undefined) return
  await replaceFile(join(folder, PORT_FILE), port).catch(() => {})
}
