#!/usr/bin/env node
// shell
/** The command line: a table of commands. */

import { createRequire } from 'node:module'

import { MeshvisorError } from '../errors.ts'
import { DEMO_USAGE, demo } from './demo/demo.ts'
import { FolderError } from './demo/files.ts'

interface Command {
  readonly usage: string
  /** @returns the exit code */
  run(args: readonly string[], signal: AbortSignal): Promise<number>
}

const COMMANDS: Readonly<Record<string, Command>> = {
  demo: { usage: DEMO_USAGE, run: demo },
}

const EXIT_FAILED = 1
const EXIT_USAGE = 2
const EXIT_INTERRUPTED = 130

process.exitCode = await main(process.argv.slice(2))
// Whatever may still be open has been given its time to close.
process.exit()

async function main(argv: readonly string[]): Promise<number> {
  const [name = '--help', ...args] = argv
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (name === '--version') return say(version())
  if (name === '--help' || name === 'help') return say(usage())
  if (command === undefined) return complain(`there is no command "${name}"\n\n${usage()}`)
  if (args.includes('--help')) return say(command.usage)
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  process.once('SIGTERM', () => interrupt.abort())
  try {
    return await command.run(args, interrupt.signal)
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT_INTERRUPTED
    return explain(error)
  }
}

/** What a person can act on as a sentence; everything else is a bug, and shown with its stack. */
function explain(error: unknown): number {
  if (error instanceof FolderError || isUsageError(error)) return complain(error.message)
  if (error instanceof MeshvisorError) {
    console.error(`${error.name}: ${error.message}`)
    return EXIT_FAILED
  }
  console.error(error)
  return EXIT_FAILED
}

function isUsageError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}

function say(text: string): number {
  console.log(text)
  return 0
}

function complain(text: string): number {
  console.error(text)
  return EXIT_USAGE
}

function usage(): string {
  const commands = Object.values(COMMANDS).map(command => command.usage)
  return `meshvisor ${version()}\n\n${commands.join('\n\n')}`
}

function version(): string {
  const manifest: unknown = createRequire(import.meta.url)('../../package.json')
  return typeof manifest === 'object' && manifest !== null
    ? String(Reflect.get(manifest, 'version'))
    : 'unknown'
}
