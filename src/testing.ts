// shell
/** For tests of your own workers: a whole mesh in one process, on virtual time, with faults and a seed. */

export { type Pause } from './io/memory/node-clock.ts'
export { StandstillError } from './io/memory/virtual-clock.ts'
export { type NetworkConditions } from './io/memory/network-conditions.ts'
export { SimulatedMesh, SimulationError, simulate } from './simulation/simulated-mesh.ts'
export { type SimulationInit } from './simulation/simulation-options.ts'
export { type Timings } from './protocol/timings.ts'
