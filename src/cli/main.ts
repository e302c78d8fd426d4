#!/usr/bin/env node
// shell
/** The command line: a table of commands. */

import { createRequire } from 'node:module'

import { MeshvisorError } from '../errors.ts'
import { DEMO_USAGE, demo } from './demo/demo.ts'
import { FolderError } from './demo/files.ts'
import { UsageError } from './usage-error.ts'

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
/** As shells have it: 128 and the number of the signal. What was begun has been ended in good order all the same. */
const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const

process.exitCode = await main(process.argv.slice(2))
// Whatever may still be open has been given its time to close.
process.exit()

async function main(argv: readonly string[]): Promise<number> {
  const [name = '--help', ...args] = argv
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  const text = name === '--version' ? version() : name === '--help' || name === 'help' ? usage() : undefined
  if (text !== undefined) {
    const [extra] = args
    return extra === undefined ? say(text) : complain(`${name} takes no argument, found "${extra}"`)
  }
  if (command === undefined) return complain(`there is no command "${name}"\n\n${usage()}`)
  if (args.includes('--help')) return say(command.usage)
  return obey(signal => command.run(args, signal))
}

/** Runs until it is done, or told to end by a signal; by a second one, it ends at once. */
async function obey(run: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const interrupt = new AbortController()
  let code: number | undefined
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      code ??= EXIT_BY_SIGNAL[name]
      interrupt.abort()
    })
  }
  try {
    return await run(interrupt.signal)
  } catch (error) {
    return code ?? explain(error)
  }
}

/** What a person can act on as a sentence; everything else is a bug, and shown with its stack. */
function explain(error: unknown): number {
  if (error instanceof FolderError || error instanceof UsageError || isUsageError(error))
    return complain(error.message)
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
