import { expect, test } from 'vitest'

import { type NodeId, nodeId, specId } from '../../src/ids.ts'
import { Spreading } from '../../src/node/spreading.ts'
import { memberRows } from '../../src/protocol/member-row.ts'
import { type Message, NO_ROWS } from '../../src/protocol/messages.ts'
import { RecordStore } from '../../src/protocol/record-store.ts'
import type { SpecRow } from '../../src/protocol/spec-row.ts'
import { Tables } from '../../src/protocol/tables.ts'

const a = nodeId('a')
const b = nodeId('b')
const c = nodeId('c')
const d = nodeId('d')
const s = specId('s')
const row: SpecRow = {
  id: s,
  version: { ms: 1, count: 0, node: a },
  body: undefined,
  desired: 'stopped',
}

function start() {
  const sent: string[] = []
  const tables = new Tables(new RecordStore(memberRows))
  const send = (to: string, message: Message): void => {
    if (message.kind === 'rows') sent.push(`${to}: ${message.rows.specs.length} specs, ask ${message.ask}`)
  }
  const spreading = new Spreading({ self: a, tables, send })
  const write = (): void => void tables.specs.merge(row)
  const tell = (...peers: readonly NodeId[]): void => {
    write()
    spreading.tell({ ...NO_ROWS, specs: [row] }, peers)
  }
  return { spreading, write, tell, sent }
}

test('whoever has died since does not count for what all are to have', () => {
  const { spreading, tell } = start()
  const watch = spreading.watch(s)
  tell(b, c)
  spreading.onMerged(1, b)
  expect(spreading.of(watch, [a, b, c])).toEqual({ merged: 1, waiting: 1, members: 3 })
  expect(spreading.of(watch, [a, c])).toEqual({ merged: 0, waiting: 1, members: 2 })
})

test('who has not answered is asked again when it is back, and who has is not', () => {
  const { spreading, tell, sent } = start()
  const watch = spreading.watch(s)
  tell(b, c)
  spreading.onMerged(1, b)
  expect(spreading.onPeerDown(c)).toEqual([s])
  expect(spreading.of(watch, [a, b, c]).waiting).toBe(0)
  for (const peer of [b, c]) spreading.onPeerDown(peer)
  sent.length = 0
  for (const peer of [b, c]) spreading.onPeerUp(peer)
  expect(sent).toEqual(['c: 1 specs, ask 1'])
  expect(spreading.onMerged(1, c)?.specs).toEqual([s])
  expect(spreading.of(watch, [a, b, c])).toEqual({ merged: 2, waiting: 0, members: 3 })
})

test('where nobody was connected, those who come are asked, for all who wait together', () => {
  const { spreading, write, sent } = start()
  const [first, second] = [spreading.watch(s), spreading.watch(s)]
  write()
  spreading.onPeerUp(d)
  expect(sent).toEqual(['d: 1 specs, ask 1'])
  spreading.onMerged(1, d)
  for (const watch of [first, second])
    expect(spreading.of(watch, [a, d])).toEqual({ merged: 1, waiting: 0, members: 2 })
})

test('nobody is asked for what nobody waits for', () => {
  const { spreading, tell, sent } = start()
  const watch = spreading.watch(s)
  tell(b)
  spreading.unwatch(watch)
  sent.length = 0
  spreading.onPeerUp(d)
  expect(sent).toEqual([])
})
