import { expect, test } from 'vitest'

import { type NodeId, nodeId, specId } from '../../src/ids.ts'
import { Spreading } from '../../src/node/spreading.ts'
import { ASKS_MAX } from '../../src/protocol/limits.ts'
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

const other = { ...NO_ROWS, specs: [{ ...row, id: specId('t') }] }

function start() {
  const sent: string[] = []
  const tables = new Tables(new RecordStore(memberRows))
  const send = (to: string, message: Message): void => {
    if (message.kind === 'rows') sent.push(`${to}: ${message.rows.specs.length} specs, ask ${message.ask}`)
  }
  const spreading = new Spreading({ self: a, tables, send })
  let ms = 0
  const write = (): SpecRow => {
    ms += 1
    const written = { ...row, version: { ...row.version, ms } }
    tables.specs.merge(written)
    return written
  }
  const tell = (...peers: readonly NodeId[]): void => spreading.tell({ ...NO_ROWS, specs: [write()] }, peers)
  return { spreading, write, tell, sent, tables }
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
  expect(sent).toEqual(['c: 1 specs, ask 2'])
  expect(spreading.onMerged(2, c)?.specs).toEqual([s])
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

test('what is written faster than others answer is confirmed all the same: a later row has the earlier change', () => {
  const { spreading, tell } = start()
  const watches = [1, 2, 3].map(() => {
    const watch = spreading.watch(s)
    tell(b, c)
    return watch
  })
  spreading.onMerged(1, b)
  spreading.onMerged(2, c)
  const [first, second, third] = watches.map(watch => spreading.of(watch, [a, b, c]))
  expect(first).toEqual({ merged: 2, waiting: 0, members: 3 })
  expect(second).toEqual({ merged: 1, waiting: 1, members: 3 })
  expect(third).toEqual({ merged: 0, waiting: 2, members: 3 })
})

test('a row from before the change does not confirm it', () => {
  const { spreading, write, tables } = start()
  const before = write()
  const watch = spreading.watch(s)
  spreading.tell({ ...NO_ROWS, specs: [before] }, [b])
  spreading.onPeerUp(c)
  for (const [ask, peer] of [
    [1, b],
    [2, c],
  ] as const)
    spreading.onMerged(ask, peer)
  expect(spreading.of(watch, [a, b, c])).toEqual({ merged: 0, waiting: 0, members: 3 })
  write()
  spreading.tell(tables.rowsOf([s]), [b, c])
  spreading.onMerged(3, b)
  expect(spreading.of(watch, [a, b, c])).toEqual({ merged: 1, waiting: 1, members: 3 })
})

test('of a peer that never answers, no more is kept than the last of what it was asked', () => {
  const { spreading, tell } = start()
  const watch = spreading.watch(s)
  tell(b, c)
  spreading.onMerged(1, b)
  spreading.unwatch(watch)
  for (let index = 1; index < ASKS_MAX; index++) tell(c)
  expect(spreading.onMerged(1, c)?.specs).toEqual([s])
  for (let index = 0; index < 2; index++) tell(c)
  expect(spreading.onMerged(2, c)).toBeUndefined()
  expect(spreading.onMerged(3, c)?.specs).toEqual([s])
  expect(spreading.onMerged(ASKS_MAX + 2, c)?.specs).toEqual([s])
})

// A node that had declared more than that in one go took those back that its peer had confirmed last of all.
test('who waits for an answer gets it, however much has been asked since', () => {
  const { spreading, tell } = start()
  const [first, second] = [spreading.watch(s), spreading.watch(s)]
  tell(b, c)
  for (let index = 0; index < ASKS_MAX; index++) spreading.tell(other, [b])
  spreading.unwatch(second)
  expect(spreading.onMerged(1, b)?.specs).toEqual([s])
  expect(spreading.of(first, [a, b, c])).toEqual({ merged: 1, waiting: 1, members: 3 })
  expect(spreading.onPeerDown(c)).toEqual([s])
  expect(spreading.of(first, [a, b, c]).waiting).toBe(0)
})

test('what is asked of a peer that never answers is not kept when nobody waits for it any more', () => {
  const { spreading, tell } = start()
  const watches = [1, 2].map(() => spreading.watch(s))
  tell(c)
  for (let index = 0; index < ASKS_MAX; index++) spreading.tell(other, [b])
  for (const watch of watches) spreading.unwatch(watch)
  expect(spreading.onMerged(1, c)).toBeUndefined()
  tell(c)
  const late = spreading.watch(s)
  tell(c)
  spreading.unwatch(late)
  expect(spreading.onMerged(ASKS_MAX + 3, c)?.specs).toEqual([s])
})
