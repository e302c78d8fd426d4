/** A call that times out says whether the node of its worker is suspected of being dead. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

const server = defineServer('server', { init: () => 0, call: { get: state => state } })

function statusAt(mesh: SimulatedMesh, id: string, of: string): string | undefined {
  return mesh.node(id).inspect().core.ledger.tables.members.get(of)?.status
}

test.each([
  ['frozen, with a session', 'may have', true],
  ['cut off, with none', 'has not', false],
] as const)(
  'a call to a worker whose node is suspect, %s, says so when it times out',
  async (how, have, maybeExecuted) => {
    await using mesh = await simulate({
      nodes: 2,
      behaviours: [server],
      labelsOf: { n2: { far: 'yes' } },
      conditions: { sessionTimeoutMs: 500 },
    })
    const node = mesh.node('n1')
    await mesh.settle(node.formed(2))
    await mesh.settle(node.addWorker({ id: 'far', run: server, placement: { labels: { far: 'yes' } } }))
    const { id } = mesh.node('n2')
    const call = node.getWorker('far', server)
    if (how.startsWith('cut')) mesh.cut('n1', 'n2')
    else mesh.freeze('n2')
    await mesh.until('n2 is suspect', () => statusAt(mesh, 'n1', 'n2') === 'suspect', 5_000)
    await expect(mesh.settle(call.with({ timeoutMs: 50 }).call.get())).rejects.toMatchObject({
      name: 'CallTimeoutError',
      maybeExecuted,
      message: `"far" did not answer in 50 ms: the worker ${have} come to it; its node ${id} is suspect: it may be dead`,
    })
  },
)
