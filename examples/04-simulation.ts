/** The same workers in a simulated mesh: three nodes in this process, virtual time, and a crash. */

import { simulate } from 'meshvisor/testing'

import * as behaviours from './behaviours.ts'

await using mesh = await simulate({ seed: 7, nodes: ['a', 'b', 'c'], behaviours: [behaviours] })
await mesh.settle(mesh.node('a').formed(3))

const chain = await mesh.settle(
  mesh
    .node('a')
    .addChain({ id: 'loud', stages: [{ run: behaviours.words }, { run: behaviours.shout, workers: 3 }] }),
)
const lines = Array.from({ length: 500 }, (_, index) => `line number ${index}`)
const outcomes: string[][] = []
const reading = (async () => {
  for await (const outcome of chain.run(lines)) outcomes.push(outcome)
})()
await mesh.until('some of it is through', () => outcomes.length > 100)
mesh.crash('b')
await mesh.settle(reading)
console.log(
  `${outcomes.length} outcomes, ${chain.stats.redelivered} items sent again, in ${Math.round(mesh.nowMs)} virtual ms`,
)
