/** A network that fails as it is closed, or never is: the process can end all the same. */

import { afterEach, expect, test, vi } from 'vitest'

import { systemClock } from '../../src/io/system/system-clock.ts'

/** What comes of it when libp2p has stopped. */
const outcomes = {
  'cannot be stopped': () => Promise.reject(new Error('the socket is gone')),
  'does not come to an end': () => new Promise<void>(() => {}),
}
let outcome: keyof typeof outcomes

vi.mock(import('../../src/io/libp2p/libp2p-node.ts'), async original => {
  const { createMeshLibp2p } = await original()
  return {
    createMeshLibp2p: async init => {
      const libp2p = await createMeshLibp2p(init)
      const stop = libp2p.stop.bind(libp2p)
      libp2p.stop = async () => {
        await stop()
        await outcomes[outcome]()
      }
      return libp2p
    },
  }
})

const { Libp2pTransport } = await import('../../src/io/libp2p/libp2p-transport.ts')
const { Probe } = await import('./harness.ts')

afterEach(() => void vi.restoreAllMocks())

test.each(['cannot be stopped', 'does not come to an end'] as const)(
  'a transport that %s keeps no process alive',
  async how => {
    outcome = how
    const begun = vi.spyOn(globalThis, 'setInterval')
    const ended = vi.spyOn(globalThis, 'clearInterval')
    const init = { cluster: 'test', secret: 's', listen: [], mdns: false, clock: systemClock }
    const transport = await Libp2pTransport.create(init)
    await Probe.start(transport)
    const index = begun.mock.calls.findIndex(([, ms]) => ms === 2 ** 31 - 1)
    const keepAlive = begun.mock.results[index]?.value
    expect(keepAlive).toBeDefined()
    const stopping = transport.stop()
    if (how === 'cannot be stopped') await expect(stopping).rejects.toThrow('the socket is gone')
    expect(ended).toHaveBeenCalledWith(keepAlive)
  },
)
