/** On whose account something is asked for, as it travels. */

import { expect, test } from 'vitest'

import { slotId, specId } from '../../src/ids.ts'
import { decodePayload, encodePayload } from '../../src/payload.ts'
import {
  CALLERS_MAX,
  type Caller,
  NO_ORIGIN,
  encodeRequest,
  readRequest,
} from '../../src/protocol/request.ts'

const worker = slotId(specId('w'))

function countOf(last: Caller | undefined): number {
  let count = 0
  for (let caller = last; caller !== undefined; caller = caller.caller) count += 1
  return count
}

test(`of callers that wait for one another, the last ${CALLERS_MAX} are told of, and no more are read`, () => {
  let last: Caller | undefined
  for (let n = 0; n < CALLERS_MAX + 10; n++) last = { worker, generation: 1, n, caller: last }
  const bytes = encodeRequest('get', [], { ...NO_ORIGIN, caller: last })
  const sent: unknown = decodePayload(bytes)
  // Whose trace it is comes before them.
  expect(Array.isArray(sent) && sent[0]).toHaveLength(1 + CALLERS_MAX)
  const read = readRequest({ payload: () => decodePayload(bytes) })?.caller
  expect([read?.n, countOf(read)]).toEqual([CALLERS_MAX + 9, CALLERS_MAX])

  const callers = Array.from({ length: CALLERS_MAX + 10 }, (_, n) => [worker, 1, n])
  const more = encodePayload([[null, ...callers], 'get'])
  expect(countOf(readRequest({ payload: () => decodePayload(more) })?.caller)).toBe(CALLERS_MAX)
})
