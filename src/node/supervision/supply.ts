// pure
/** What the nodes of a view have, looked up by what somebody wants. */

import type { Candidate } from '../../placement/view.ts'
import { isolatedIn } from '../../protocol/spec-row.ts'

/** Cost: once for each view; to look something up is constant. */
export class Supply {
  readonly nodes: readonly Candidate[]
  /** By the id of a node, for people. */
  readonly #names: ReadonlyMap<string, string>
  readonly #needs: ReadonlySet<string>
  readonly #labels: ReadonlySet<string>
  /** By name, with the `@`. */
  readonly #versions = new Map<string, string[]>()

  /** `names`: of the nodes, by their ids; need not be unique. */
  constructor(nodes: readonly Candidate[], names: ReadonlyMap<string, string>) {
    this.nodes = nodes
    this.#names = names
    this.#needs = new Set(nodes.flatMap(({ behaviours }) => behaviours))
    this.#labels = new Set(nodes.flatMap(({ labels }) => Object.entries(labels).map(labelText)))
    for (const behaviour of this.behaviours()) {
      const name = unversioned(behaviour)
      const versions = this.#versions.get(name) ?? []
      this.#versions.set(name, [...versions, behaviour])
    }
  }

  /** `name@version` of all that the nodes can run: sorted, each once. */
  behaviours(): string[] {
    return [...this.#needs].filter(need => isolatedIn(need) === undefined).toSorted()
  }

  /** Whether any node has it: see `needOf`. */
  has(need: string): boolean {
    return this.#needs.has(need)
  }

  hasLabel(label: string, value: string): boolean {
    return this.#labels.has(labelText([label, value]))
  }

  /** How people call the node. */
  nameOf(node: string): string {
    return this.#names.get(node) ?? node
  }

  /** The versions of that behaviour that there are: sorted, as `name@version`. */
  versionsOf(behaviour: string): readonly string[] {
    return this.#versions.get(unversioned(behaviour)) ?? []
  }
}

function unversioned(behaviour: string): string {
  return behaviour.slice(0, behaviour.lastIndexOf('@') + 1)
}

/** One text for one pair: both may have any characters. */
function labelText([label, value]: readonly [string, string]): string {
  return JSON.stringify([label, value])
}
