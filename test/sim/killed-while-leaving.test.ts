/** A process that is killed while it leaves, and started anew at once: nothing of the old one is held against the new one. */

import { expect, test } from 'vitest'

import { simulate } from '../../src/testing.ts'

const LATENCY_MS = 20

test('whatever moment of its leaving it is killed in, the next run of a node meets everybody', async () => {
  // In steps that are shorter than what a message takes, so that one of them is the moment of the last good-bye.
  for (let afterMs = 0; afterMs <= 6 * LATENCY_MS; afterMs += LATENCY_MS / 2) {
    await using mesh = await simulate({ nodes: 3, conditions: { latencyMs: LATENCY_MS, jitterMs: 0 } })
    const isConnected = (id: string): boolean => {
      const { membership } = mesh.node(id).inspect().core.ledger
      return mesh.ids.every(other => other === id || membership.isConnected(other))
    }
    await mesh.until('all have met', () => mesh.ids.every(isConnected), 5_000)
    void mesh.leave('n1')
    await mesh.run(afterMs)
    if (!mesh.leaving.some(id => id === 'n1')) break
    mesh.crash('n1')
    await mesh.start('n1')
    await mesh.until(`all have met after ${afterMs} ms`, () => mesh.ids.every(isConnected), 10_000)
    await mesh.run(1_000)
    expect(mesh.ids.filter(isConnected)).toEqual(mesh.ids)
  }
})
