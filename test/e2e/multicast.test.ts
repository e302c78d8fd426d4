/** Machines that know nothing of each other but the name and the secret of their mesh. */

import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'

import { MeshProcess, untilAllSee } from './mesh-process.ts'
import { Lab, ipOf, whySkipped } from './namespaces.ts'

test.skipIf(whySkipped() !== undefined)(
  'machines of one network find each other by multicast, and only those of their mesh',
  async () => {
    const lab = await Lab.create(4)
    const processes: MeshProcess[] = []
    const start = async (cluster: string, machine: number): Promise<MeshProcess> => {
      const listen = `/ip4/${ipOf(machine)}/tcp/0`
      const orders = { cluster, name: `n${machine}`, listen, seeds: [], mdns: true }
      const started = await MeshProcess.start(orders, lab.nameOf(machine))
      processes.push(started)
      return started
    }
    try {
      const [ours, theirs] = [randomUUID(), randomUUID()]
      const [stranger, ...mesh] = await Promise.all([
        start(theirs, 1),
        start(ours, 2),
        start(ours, 3),
        start(ours, 4),
      ])
      await untilAllSee('they have found each other', mesh, mesh)
      await untilAllSee('it is by itself', [stranger], [stranger])
      // They do not even try: the other mesh asks for another name.
      expect(
        processes.flatMap(({ said }) => said).filter(text => /not let in|no session/.test(text)),
      ).toEqual([])
    } finally {
      await Promise.all(processes.map(process => process.kill()))
      await lab.remove()
    }
  },
)

test.skipIf(whySkipped() !== undefined)(
  'machines with two networks find each other by either of them, whichever leads to the internet',
  async () => {
    const lab = await Lab.create(3)
    const processes: MeshProcess[] = []
    try {
      await lab.join(1, 3)
      await lab.cut()
      const cluster = randomUUID()
      for (const machine of [1, 3]) {
        const orders = { cluster, name: `n${machine}`, listen: '/ip4/0.0.0.0/tcp/0', seeds: [], mdns: true }
        processes.push(await MeshProcess.start(orders, lab.nameOf(machine)))
      }
      await untilAllSee('they have found each other', processes, processes)
      expect(processes.flatMap(({ said }) => said).filter(text => /multicast/.test(text))).toEqual([])
    } finally {
      await Promise.all(processes.map(process => process.kill()))
      await lab.remove()
    }
  },
)
