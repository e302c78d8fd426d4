/** A config in a file of its own, as `loadConfig` reads it. */

import { defineConfig } from '../../src/index.ts'
import * as behaviours from './config-behaviours.ts'

export default defineConfig({
  cluster: 'config-test',
  behaviours: ['./config-behaviours.ts'],
  listen: ['/ip4/127.0.0.1/tcp/0'],
  discovery: { mdns: false },
  logger: false,
  workers: [{ id: 'hits', run: behaviours.counter, args: [5] }],
  groups: [{ id: 'line', members: [{ id: 'a', run: behaviours.plain }] }],
  chains: [{ id: 'twice', stages: [{ run: behaviours.double }] }],
})
