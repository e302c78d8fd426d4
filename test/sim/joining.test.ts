/** How long a node that starts looks for a mesh, before it takes itself for the first one. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/index.ts'
import { checkConfig } from '../../src/node/config.ts'
import { declareConfig } from '../../src/node/start-config.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

const plain = defineServer('plain', { init: () => ({}), call: { ping: () => 'pong' } })
const { joinAloneMs, joinSyncMs } = LAN_TIMINGS

/** `n1` runs; `n2`, for which it is a seed, is about to start. @returns when `n2` has taken work, from its start on */
async function startSecond(mesh: SimulatedMesh): Promise<number> {
  const sinceMs = mesh.nowMs
  await mesh.start('n2')
  return mesh.nowMs - sinceMs
}

async function firstOf(conditions = {}): Promise<SimulatedMesh> {
  const mesh = await simulate({ seed: 3, nodes: 2, behaviours: [plain], conditions })
  mesh.crash('n2')
  await mesh.until('n1 is alone', () => mesh.node('n1').members().length === 1)
  return mesh
}

test('a mesh that takes longer to answer is waited for, so that a config is found there', async () => {
  await using mesh = await firstOf({ latencyMs: 250, jitterMs: 0 })
  const config = checkConfig({ workers: [{ id: 'w', run: plain }] })
  await mesh.settle(declareConfig(mesh.node('n1'), config))
  const tookMs = await startSecond(mesh)
  expect(tookMs).toBeGreaterThan(2 * joinAloneMs)
  const started = await mesh.settle(declareConfig(mesh.node('n2'), config))
  expect(started).toMatchObject({ declared: [], present: ['w'] })
})

test('a seed that refuses is not waited for', async () => {
  await using mesh = await firstOf()
  mesh.crash('n1')
  expect(await startSecond(mesh)).toBeLessThanOrEqual(joinAloneMs + 20)
})

test('a seed that is silent is waited for, but not for ever', async () => {
  await using mesh = await firstOf()
  mesh.freeze('n1')
  const tookMs = await startSecond(mesh)
  expect(tookMs).toBeGreaterThan(joinAloneMs)
  expect(tookMs).toBeLessThanOrEqual(joinSyncMs + 20)
})

test('a seed that is silent is waited for, also where another newcomer answers, but not for ever', async () => {
  await using mesh = await simulate({ seed: 3, nodes: 3, behaviours: [plain] })
  for (const name of ['n2', 'n3']) mesh.crash(name)
  await mesh.until('n1 is alone', () => mesh.node('n1').members().length === 1)
  mesh.freeze('n1')
  const sinceMs = mesh.nowMs
  await mesh.startAll(['n2', 'n3'])
  expect(mesh.nowMs - sinceMs).toBeGreaterThan(joinAloneMs)
  expect(mesh.nowMs - sinceMs).toBeLessThanOrEqual(joinSyncMs + 20)
})
