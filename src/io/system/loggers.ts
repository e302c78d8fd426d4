// shell
/** Loggers for who brings none. */

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

function textOf(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
}
