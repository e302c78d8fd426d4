/** Members of whom one message tells by the hundred: nothing is looked through anew for each of them. */

import { afterEach, expect, test, vi } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { View } from '../../src/placement/view.ts'
import type { MemberRow } from '../../src/protocol/member-row.ts'
import { NO_ROWS, PROTOCOL } from '../../src/protocol/messages.ts'
import { Roster } from '../../src/protocol/roster.ts'
import { Suspicions } from '../../src/protocol/suspicions.ts'
import { busyNode } from './fuzz-inputs.ts'

afterEach(() => vi.restoreAllMocks())

test.each(['alive', 'suspect', 'dead'] as const)('what is told of 500 that are %s', async status => {
  const { outside } = await busyNode()
  const peer = outside.join('insider')
  await outside.clock.run(500)
  const members = Array.from({ length: 500 }, (_, n): MemberRow => {
    const id = nodeId(`m${n}`)
    const said = { name: id, addresses: [], role: 'member', weight: 1, labels: {}, behaviours: [] } as const
    return { id, boot: 1, seq: 1, status, ...said, protocol: PROTOCOL }
  })
  const looks = [
    vi.spyOn(Roster.prototype, 'others'),
    vi.spyOn(View.prototype, 'candidates'),
    vi.spyOn(Suspicions.prototype, 'wakeAtMs'),
  ]
  outside.say(peer, { kind: 'rows', rows: { ...NO_ROWS, members } })
  for (const look of looks) expect(look.mock.calls.length).toBeLessThan(50)
})
