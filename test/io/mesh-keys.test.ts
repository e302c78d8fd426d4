/** What the nodes of a mesh derive of its name and its secret. */

import { expect, test } from 'vitest'

import { deriveMeshKeys } from '../../src/io/libp2p/mesh-keys.ts'

test('nodes of one name and secret derive the same, others nothing of it', async () => {
  const keys = await deriveMeshKeys('line-7', 'right')
  expect(await deriveMeshKeys('line-7', 'right')).toEqual(keys)
  const others = await Promise.all([
    deriveMeshKeys('line-7', 'wrong'),
    deriveMeshKeys('line-8', 'right'),
    deriveMeshKeys('line-7', ''),
  ])
  const all = [keys, ...others]
  expect(new Set(all.map(({ tag }) => tag)).size).toBe(all.length)
  expect(new Set(all.map(({ prologue }) => Buffer.from(prologue).toString('hex'))).size).toBe(all.length)
})

test('of what everybody hears, nothing of the prologue follows: it is another derivation of a key that is slow to make', async () => {
  const { tag, prologue } = await deriveMeshKeys('line-7', 'right')
  expect(Buffer.from(prologue).toString('hex')).not.toContain(tag.slice(4, 12))
  // As it is in all versions from now on: nodes that derive it otherwise do not meet.
  expect(tag).toBe('_mv-91cacd8e3661ce3a._udp.local')
})
