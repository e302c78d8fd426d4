// shell
/** The nodes of this process that run, by the names that they were given. */

import { AlreadyRunningError, NotRunningError } from '../errors.ts'
import type { Node } from './node.ts'

/** `undefined`: it is starting. */
const named = new Map<string, Node | undefined>()
const nodes = new Set<Node>()

/** The nodes of this process that run now, in the order of starting. */
export function runningNodes(): Node[] {
  return [...nodes]
}

/** The node of this process with that name. @throws {NotRunningError} */
export function getNode(name: string, cluster = 'meshvisor'): Node {
  const node = named.get(keyOf(cluster, name))
  if (node === undefined) throw new NotRunningError(name)
  return node
}

/** Takes the name for a node that is about to start. @returns how to give it back @throws {AlreadyRunningError} */
export function takeName(cluster: string, name: string | undefined): () => void {
  if (name === undefined) return () => {}
  const key = keyOf(cluster, name)
  if (named.has(key)) throw new AlreadyRunningError(name)
  named.set(key, undefined)
  return () => void named.delete(key)
}

/** The node runs. @returns what is to be called when it does not any more: its name is free again */
export function noteRunning(node: Node, cluster: string, name: string | undefined): () => void {
  nodes.add(node)
  if (name !== undefined) named.set(keyOf(cluster, name), node)
  return () => {
    nodes.delete(node)
    if (name !== undefined) named.delete(keyOf(cluster, name))
  }
}

function keyOf(cluster: string, name: string): string {
  return JSON.stringify([cluster, name])
}
