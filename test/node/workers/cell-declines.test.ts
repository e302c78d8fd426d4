/** A node that can load no code in threads or processes: others run what needs them. */

import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'

import type { Node } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import { PATIENCE_MS } from '../../patience.ts'
import { choosy } from './choosy-behaviours.ts'

const MODULE = new URL('choosy-behaviours.ts', import.meta.url).href

let sick: Node
let well: Node

beforeEach(async () => {
  const cluster = randomUUID()
  const start = (module: string, seeds: readonly string[]): Promise<Node> =>
    localNode({ cluster, behaviours: [module], discovery: { mdns: false, seeds } })
  sick = await start(`${MODULE}?not-in-a-cell`, [])
  well = await start(MODULE, sick.addresses)
  await well.formed(2)
  await sick.formed(2)
})

afterEach(async () => {
  await Promise.all([sick.stop(), well.stop()])
})

test.each(['thread', 'process'] as const)(
  'what cannot run there in a %s runs elsewhere from its first start, and nothing is counted',
  async isolation => {
    const declined: string[] = []
    sick.on('worker:decline', ({ slot }) => declined.push(slot))
    const ids = Array.from({ length: 6 }, (_, n) => `w${n}`)
    const intensity = { restarts: 0, withinMs: 60_000 }
    const options = { timeoutMs: PATIENCE_MS }
    const workers = await Promise.all(
      ids.map(id => well.addWorker({ id, run: choosy, isolation, intensity }, options)),
    )
    const members = ids.map(id => ({ id, run: choosy, isolation }))
    const group = await well.addGroup({ id: 'g', strategy: 'one_for_all', members, intensity }, options)
    const refs = [...workers, ...ids.map(id => group.member(id))]
    const homes = await Promise.all(refs.map(ref => ref.with(options).call.node()))
    expect(new Set(homes)).toEqual(new Set([well.id]))
    expect(declined.length).toBeGreaterThan(1)
    // What needs no cell still runs there.
    const inline = await Promise.all(ids.map(id => well.addWorker({ id: `i${id}`, run: choosy })))
    const inlineHomes = await Promise.all(inline.map(ref => ref.call.node()))
    expect(inlineHomes).toContain(sick.id)
  },
)
