/** Who asks for a worker that placement does not give it is refused: its view may be an older one, or wrong. */

import { expect, test } from 'vitest'

import { type NodeId, slotId, specId } from '../../src/ids.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import { decodeMessage } from '../../src/protocol/codec.ts'
import { FrameReader } from '../../src/protocol/frames.ts'
import { Outside } from './outside.ts'

const counter = defineServer('counter', {
  init: () => ({ n: 1 }),
  call: { get: state => state.n },
  handoff: state => state,
})

/** The kinds of messages that were sent to a peer. */
function kindsFor(outside: Outside, peer: NodeId): string[] {
  const kinds: string[] = []
  const reader = new FrameReader(frame => {
    const decoded = decodeMessage(frame.rest())
    kinds.push(decoded.kind === 'message' ? decoded.message.kind : decoded.kind)
  })
  for (const each of outside.sent) if (each.peer === peer && each.lane === 'control') reader.push(each.bytes)
  return kinds
}

test('a worker is not given to a node that placement does not want it on, though it asks for it', async () => {
  const outside = new Outside()
  const node = await outside.node({ behaviours: [counter] })
  const adding = node.addWorker({ id: 'w', run: counter })
  await outside.clock.run(500)
  await adding
  // It cannot run it.
  const peer = outside.join('peer')
  const { ledger } = node.inspect().core
  const slot = slotId(specId('w'))
  const generation = (): number => ledger.tables.claims.get(slot)?.generation ?? 0
  const before = generation()
  // Its view has been quiet for long enough, and it has the right to let one go.
  await outside.clock.run(1_500)
  outside.sent.length = 0
  outside.say(peer, { kind: 'handoff-ask', slot, generation: before })
  await outside.clock.run(500)
  expect(kindsFor(outside, peer)).toContain('handoff-refuse')
  expect(ledger.tables.claims.get(slot)).toMatchObject({ generation: before, state: 'running' })
  expect(node.listWorkers().map(({ status }) => status.kind)).toEqual(['running'])
})
