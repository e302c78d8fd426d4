/** What a worker leaves behind, as its successor reads it. */

import { expect, test } from 'vitest'

import type { OneWay } from '../../../src/node/messaging/mailbox.ts'
import { readLegacy, release } from '../../../src/node/workers/legacy.ts'
import { encodePayload } from '../../../src/payload.ts'
import { NO_ORIGIN } from '../../../src/protocol/request.ts'

// A mailbox may have a million of them: all together they weigh more than any payload.
test('as many messages as a worker may leave behind are read, however short they are', () => {
  const letters = Array.from({ length: 250_000 }, (): OneWay => ({
    kind: 'message',
    message: 1,
    origin: NO_ORIGIN,
    bytes: 1,
  }))
  const state = Uint8Array.from(encodePayload('state'))
  const { exit, lost } = release({ state, letters })
  expect(lost).toBe(0)
  const legacy = readLegacy(exit.kind === 'released' ? exit.legacy : undefined)
  expect(legacy.state).toEqual(state)
  expect(legacy.letters).toHaveLength(letters.length)
})
