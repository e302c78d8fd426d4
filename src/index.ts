// shell
/** meshvisor: supervised workers over a self-forming peer-to-peer mesh. */

export { createNode } from './node/create-node.ts'
export { Node } from './node/node.ts'
export { type NodeInit } from './node/options.ts'
export {
  type Behaviour,
  type Server,
  type Stage,
  type Task,
  defineServer,
  defineStage,
  defineTask,
} from './node/workers/behaviours.ts'
