/** What came and went is forgotten: a node that has run for a year knows no more than what runs on it. */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

const CHILD = fileURLToPath(new URL('tables-child.ts', import.meta.url))

/**
 * Kept on purpose, the last ones of a fixed number: what the log was told of messages that nobody expects (1 024),
 * where workers have moved to, for letters that come late (10 000), and the worker whose code has run last, which is
 * to be named should the process have stood still (one). The engine itself keeps the text that an expression has matched
 * last (one), with the message that it was a part of.
 */
const BOUNDED = [
  / of Set ← #warned of Unexpected /,
  / of Map ← #moved of Post /,
  / ← assignment of \w+ ← identity of Scope ← lastEntered of /,
  / ← regexp_last_match_info of /,
]

test('a thousand workers of all kinds leave nothing on three nodes, whatever became of them', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD], { maxBuffer: 64 * 1024 * 1024 })
  const left: string[] = JSON.parse(stdout)
  expect(left.filter(text => !BOUNDED.some(pattern => pattern.test(text))).slice(0, 20)).toEqual([])
  // It was looked at the right place: what is kept on purpose is found.
  expect(left.length).toBeGreaterThan(0)
})
