// shell
/** Loggers for who brings none. */

import { inspect } from 'node:util'

import type { Logger } from '../../ports.ts'

export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
}

/** Warnings and errors on stderr, a line each. */
export const stderrLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (facts, message) => write('warn', facts, message),
  error: (facts, message) => write('error', facts, message),
}

function write(level: string, facts: object, message: string): void {
  const details = Object.entries(facts).map(([name, value]) => `${name}=${textOf(value)}`)
  process.stderr.write(`meshvisor ${level}: ${[message, ...details].join(' ')}\n`)
}

/** Anything can have been thrown: what does not let itself be shown must not take the place of what there is to tell. */
function textOf(value: unknown): string {
  try {
    if (value instanceof Error) return `${value.name}: ${value.message}`
    return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  } catch {
    return inspected(value)
  }
}

/** What has a cycle or a large number, as Node shows it. */
function inspected(value: unknown): string {
  try {
    return inspect(value, { breakLength: Infinity, compact: true }).replaceAll(/\s*\n\s*/g, ' ')
  } catch {
    return 'what cannot be shown'
  }
}
