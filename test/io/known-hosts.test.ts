import { expect, test } from 'vitest'

import { KNOWN_HOSTS_MAX, KnownHosts } from '../../src/io/libp2p/known-hosts.ts'

test(`of more than ${KNOWN_HOSTS_MAX} hosts, the one that was seen last the longest ago is forgotten`, () => {
  const known = new KnownHosts()
  for (let n = 0; n < KNOWN_HOSTS_MAX; n++) known.note(`host${n}`)
  known.note('host0')
  expect([known.has('host0'), known.has('host1')]).toEqual([true, true])
  known.note('another')
  const noted = ['host0', 'host1', 'host2', 'another'].map(host => known.has(host))
  expect(noted).toEqual([true, false, true, true])
})
