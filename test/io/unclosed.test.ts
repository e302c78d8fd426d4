/** A network that fails as it is closed: the process can end all the same. */

import { afterEach, expect, test, vi } from 'vitest'

import { systemClock } from '../../src/io/system/system-clock.ts'

vi.mock(import('../../src/io/libp2p/libp2p-node.ts'), async original => {
  const { createMeshLibp2p } = await original()
  return {
    createMeshLibp2p: async init => {
      const libp2p = await createMeshLibp2p(init)
      const stop = libp2p.stop.bind(libp2p)
      libp2p.stop = async () => {
        await stop()
        throw new Error('the socket is gone')
      }
      return libp2p
    },
  }
})

const { Libp2pTransport } = await import('../../src/io/libp2p/libp2p-transport.ts')
const { Probe } = await import('./harness.ts')

afterEach(() => void vi.restoreAllMocks())

test('a transport that cannot be stopped keeps no process alive', async () => {
  const begun = vi.spyOn(globalThis, 'setInterval')
  const ended = vi.spyOn(globalThis, 'clearInterval')
  const init = { cluster: 'test', secret: 's', listen: [], mdns: false, clock: systemClock }
  const transport = await Libp2pTransport.create(init)
  await Probe.start(transport)
  const index = begun.mock.calls.findIndex(([, ms]) => ms === 2 ** 31 - 1)
  const keepAlive = begun.mock.results[index]?.value
  expect(keepAlive).toBeDefined()
  await expect(transport.stop()).rejects.toThrow('the socket is gone')
  expect(ended).toHaveBeenCalledWith(keepAlive)
})
