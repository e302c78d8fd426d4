// shell
/** Starts a real node: the only place where the core meets libp2p and the clock of the machine. */

import { randomBytes } from 'node:crypto'

import { Libp2pTransport } from '../io/libp2p/libp2p-transport.ts'
import { silentLogger, stderrLogger } from '../io/system/loggers.ts'
import { systemClock } from '../io/system/system-clock.ts'
import { Node } from './node.ts'
import { type NodeInit, checkOptions } from './options.ts'

/**
 * Starts a node, and joins a mesh if there is one. Resolves when the node takes work.
 * @throws {OptionsError} naming every bad field; {ListenError} when an address cannot be listened on
 * @example
 * await using node = await createNode({ cluster: 'line-7', behaviours: [counter] })
 */
export async function createNode(init: NodeInit = {}): Promise<Node> {
  const options = checkOptions(init)
  const logger = options.logger === false ? silentLogger : (options.logger ?? stderrLogger)
  const transport = await Libp2pTransport.create({ ...options, clock: systemClock })
  return Node.start(options, { clock: systemClock, transport, logger }, randomBytes(16).toString('hex'))
}
