/** What this process still holds on to: found in a snapshot of its heap, after a collection. */

import { text } from 'node:stream/consumers'
import { getHeapSnapshot } from 'node:v8'

/** The layout of a snapshot, as the engine writes it. */
interface HeapSnapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[]
      readonly node_types: readonly [readonly string[]]
      readonly edge_fields: readonly string[]
      readonly edge_types: readonly [readonly string[]]
    }
  }
  readonly nodes: readonly number[]
  readonly edges: readonly number[]
  readonly strings: readonly string[]
}

/** What leads to it, so many steps of the way. */
const STEPS_SHOWN = 9

/** The strings on the heap that match, each with who holds it, the last holder first. */
export async function remains(pattern: RegExp): Promise<string[]> {
  const heap: HeapSnapshot = JSON.parse(await text(getHeapSnapshot()))
  return new Graph(heap).find(pattern)
}

class Graph {
  readonly #heap: HeapSnapshot
  readonly #nodeSize: number
  readonly #edgeSize: number
  /** Of each node: whence it was reached first, and over which edge. */
  readonly #from: Int32Array
  readonly #over: Int32Array

  constructor(heap: HeapSnapshot) {
    this.#heap = heap
    const { node_fields, edge_fields } = heap.snapshot.meta
    this.#nodeSize = node_fields.length
    this.#edgeSize = edge_fields.length
    const count = heap.nodes.length / this.#nodeSize
    this.#from = new Int32Array(count).fill(-1)
    this.#over = new Int32Array(count).fill(-1)
    this.#walk(count)
  }

  find(pattern: RegExp): string[] {
    const found: string[] = []
    for (let node = 0; node < this.#from.length; node++) {
      if (this.#from[node] === -1 || !this.#isText(node)) continue
      const name = this.#nameOf(node)
      if (pattern.test(name)) found.push(`${name.slice(0, 80)} ← ${this.#holdersOf(node)}`)
    }
    return found
  }

  /** Whatever is held for good, nearest first. */
  #walk(count: number): void {
    const { nodes, edges, snapshot } = this.#heap
    const edgeCountAt = snapshot.meta.node_fields.indexOf('edge_count')
    const toAt = snapshot.meta.edge_fields.indexOf('to_node')
    const firstEdges = new Int32Array(count + 1)
    for (let node = 0; node < count; node++) {
      const edgeCount = nodes[node * this.#nodeSize + edgeCountAt] ?? 0
      firstEdges[node + 1] = (firstEdges[node] ?? 0) + edgeCount
    }
    const weak = snapshot.meta.edge_types[0].indexOf('weak')
    this.#from[0] = 0
    const queue = [0]
    for (let at = 0; at < queue.length; at++) {
      const node = queue[at] ?? 0
      for (let edge = firstEdges[node] ?? 0; edge < (firstEdges[node + 1] ?? 0); edge++) {
        const offset = edge * this.#edgeSize
        const to = (edges[offset + toAt] ?? 0) / this.#nodeSize
        if (edges[offset] === weak || this.#from[to] !== -1) continue
        this.#from[to] = node
        this.#over[to] = edge
        queue.push(to)
      }
    }
  }

  #holdersOf(node: number): string {
    const holders: string[] = []
    for (let at = node; at !== 0 && holders.length < STEPS_SHOWN; at = this.#from[at] ?? 0)
      holders.push(
        `${this.#edgeNameOf(this.#over[at] ?? 0)} of ${this.#nameOf(this.#from[at] ?? 0).slice(0, 40)}`,
      )
    return holders.join(' ← ')
  }

  #isText(node: number): boolean {
    const { nodes, snapshot } = this.#heap
    return snapshot.meta.node_types[0][nodes[node * this.#nodeSize] ?? 0] === 'string'
  }

  #nameOf(node: number): string {
    const { nodes, strings, snapshot } = this.#heap
    const nameAt = snapshot.meta.node_fields.indexOf('name')
    return strings[nodes[node * this.#nodeSize + nameAt] ?? 0] ?? ''
  }

  #edgeNameOf(edge: number): string {
    const { edges, strings, snapshot } = this.#heap
    const { edge_fields, edge_types } = snapshot.meta
    const offset = edge * this.#edgeSize
    const name = edges[offset + edge_fields.indexOf('name_or_index')] ?? 0
    const isNumber = ['element', 'hidden'].includes(edge_types[0][edges[offset] ?? 0] ?? '')
    return isNumber ? `[${name}]` : (strings[name] ?? '')
  }
}
