/**
 * What users have said of standalone workers last, while anything else happened to the mesh: it is so in the end, as long
 * as one node that has known it is still there (I14). And whoever is told that it is done is not the only one that knows
 * it (I13).
 */

import type { NodeId } from '../../src/ids.ts'
import type { Node } from '../../src/node/node.ts'
import { type Hlc, compareHlc } from '../../src/protocol/hlc.ts'
import { type SpecRow, hlcText } from '../../src/protocol/spec-row.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { runText, runsOf } from './holders.ts'
import { InvariantError } from './invariant-error.ts'

export type Wish = 'running' | 'stopped' | 'removed'

export interface Said {
  readonly id: string
  readonly wish: Wish
  readonly node: string
  /** Larger than those of all that were said before. */
  readonly number: number
  readonly run: number
  /** As what it was written; undefined where it was not. */
  version: Hlc | undefined
  /** Runs of nodes that have known it, the one that was told it first, as far as they are still there. */
  holders: readonly string[]
  /** So many nodes had ended before. */
  readonly endedCount: number
  /** Peers that its node has had a session with all the time since. */
  readonly peers: Set<NodeId>
}

export class Wishes {
  /** The last word on each worker; undefined where it may be lost. */
  readonly #last = new Map<string, Said | undefined>()
  /** By worker and version: of each row that anybody has asked for, what that was. */
  readonly #written = new Map<string, Pick<Said, 'wish' | 'number'>>()
  #saidCount = 0
  /** So many words were done where others could know of it. */
  doneCount = 0
  /** So many last words have counted whose node had ended. */
  outlivedCount = 0
  #endedCount = 0
  /** Words that are not done, by whom they were told to. */
  readonly #open = new Map<Node, Set<Said>>()
  /** The digests of the specs of all nodes, when they were looked at. */
  #roots = ''

  /** Somebody has just asked for it. What was asked for in this turn is written at the end of it. */
  say(mesh: SimulatedMesh, what: { readonly id: string; readonly wish: Wish; readonly node: string }): Said {
    const before = rowAt(mesh, what.node, what.id)
    const node = mesh.node(what.node)
    const { membership } = node.inspect().core.ledger
    const peers = new Set(mesh.up.filter(other => membership.isConnected(other)))
    const run = mesh.runOf(what.node)
    const holders = [runText(what.node, run)]
    const endedCount = this.#endedCount
    const number = this.#saidCount++
    const said: Said = { ...what, number, run, version: undefined, holders, peers, endedCount }
    this.#last.set(what.id, said)
    this.#openOf(node).add(said)
    queueMicrotask(() => {
      const row = rowAt(mesh, what.node, what.id)
      if (row === before || row?.version.node !== what.node) return
      said.version = row.version
      this.#written.set(wordText(what.id, row.version), said)
      note(mesh, said)
    })
    return said
  }

  /**
   * Whoever has asked for it was told that it is done: somebody else knows it, if anybody is there.
   * @returns what is wrong with that
   */
  done(mesh: SimulatedMesh, said: Said): string | undefined {
    const { id, node, wish, version, peers, endedCount } = said
    note(mesh, said)
    if (mesh.up.some(each => each === node)) this.#openOf(mesh.node(node)).delete(said)
    // One that has ended may have been the one that knew it.
    const isQuiet = endedCount === this.#endedCount
    if (version === undefined || !isQuiet || peers.size === 0) return undefined
    this.doneCount += 1
    if (said.holders.length > 1) return undefined
    // Of whoever has a row that the word has lost to, nobody can tell.
    if ([...peers].some(peer => this.#hasLost(rowAt(mesh, peer, id), said))) return undefined
    return `I13: ${node} was told that ${id} is ${wish}, and none of ${[...peers].join()} knows it`
  }

  /** Whoever was alone for a moment meanwhile, may have been told so then: sessions that end are noted. */
  #openOf(node: Node): Set<Said> {
    const known = this.#open.get(node)
    if (known !== undefined) return known
    const open = new Set<Said>()
    this.#open.set(node, open)
    const { plane } = node.inspect()
    const down = plane.onPeerDown.bind(plane)
    plane.onPeerDown = peer => {
      for (const { peers } of open) peers.delete(peer)
      down(peer)
    }
    return open
  }

  /** It takes back what it has written, whenever it comes to that. Where it has, that was asked for with the declaration. */
  doubt(mesh: SimulatedMesh, { id, node }: Pick<Said, 'id' | 'node'>): void {
    this.#last.set(id, undefined)
    const row = mesh.up.some(each => each === node) ? rowAt(mesh, node, id) : undefined
    if (row?.replaces === undefined || row.body !== undefined || row.version.node !== node) return
    if (!this.#written.has(wordText(id, row.replaces))) return
    this.#written.set(wordText(id, row.version), { wish: 'removed', number: this.#saidCount++ })
  }

  /** I14, at every look: who has known it, does. @returns what is wrong with that */
  watch(mesh: SimulatedMesh): string | undefined {
    const there = [...mesh.up, ...mesh.leaving]
    const roots = there.map(node => mesh.node(node).inspect().core.ledger.tables.specs.root()).join(' ')
    if (roots === this.#roots) return undefined
    this.#roots = roots
    for (const said of this.#last.values()) {
      if (said?.version === undefined) continue
      note(mesh, said)
      for (const node of there) {
        const row = rowAt(mesh, node, said.id)
        if (!said.holders.includes(runText(node, mesh.runOf(node)))) continue
        if (!isKnownIn(row, said) && !this.#hasLost(row, said))
          return `I14: ${node} has forgotten that ${said.id} is ${said.wish}`
      }
    }
    return undefined
  }

  /** I14: nobody starts what it knows to be stopped, or removed. @returns what is wrong with that */
  onStart(mesh: SimulatedMesh, node: string, id: string): string | undefined {
    // It may not be in the hands of its user yet.
    if (![...mesh.up, ...mesh.leaving].some(each => each === node)) return undefined
    const row = rowAt(mesh, node, id)
    if (row?.body !== undefined && row.desired === 'running') return undefined
    return `I14: ${id} starts on ${node}, for which it is ${row?.body === undefined ? 'removed' : 'stopped'}`
  }

  /** A node is gone: what only those knew that are gone may be lost. */
  onEnd(mesh: SimulatedMesh): void {
    this.#endedCount += 1
    for (const [id, said] of this.#last) {
      if (said === undefined) continue
      note(mesh, said)
      if (said.holders.length === 0) this.#last.set(id, undefined)
    }
  }

  /** I14. Once all agree on what is declared. */
  check(mesh: SimulatedMesh, node: string): void {
    const workers = new Map(
      mesh
        .node(node)
        .listWorkers()
        .map(({ id, status }) => [String(id), status.kind]),
    )
    for (const [id, said] of this.#last) {
      if (said === undefined) continue
      const row = rowAt(mesh, node, id)
      const isLost = hasCrossed(row, said) || this.#hasLost(row, said)
      const wish = isLost ? row && this.#written.get(wordText(id, row.version))?.wish : said.wish
      if (wish === undefined) continue
      const isThere = mesh.runOf(said.node) === said.run && mesh.up.some(each => each === said.node)
      if (!isLost && !isThere) this.outlivedCount += 1
      const kind = workers.get(id)
      const found: Wish = kind === undefined ? 'removed' : kind === 'stopped' ? 'stopped' : 'running'
      if (found !== wish)
        throw new InvariantError(`I14: ${id} is ${kind ?? 'not known'}, the word that counts is ${wish}`)
    }
  }

  /**
   * It has lost, by clocks that differ, to what was said before and had not been heard of where it was said; and the row that
   * counts does not say so, as what that has replaced is later as well: so all before that is taken for seen (seed 2010259).
   * It was not, as nobody can have known what was not said yet. What nobody has asked for is no excuse.
   */
  #hasLost(row: SpecRow | undefined, { id, version, number }: Said): boolean {
    if (version === undefined || row?.replaces === undefined) return false
    const word = this.#written.get(wordText(id, row.version))
    return word !== undefined && word.number < number && compareHlc(row.replaces, version) > 0
  }
}

/** It has crossed another one, unseen, by a clock that is ahead (seed 64137), which says so. */
function hasCrossed(row: SpecRow | undefined, { version }: Said): boolean {
  const overtaken = row?.overtaken?.version
  return version !== undefined && overtaken !== undefined && compareHlc(overtaken, version) >= 0
}

/** Whether whoever has the row has taken it in. */
function isKnownIn(row: SpecRow | undefined, said: Said): boolean {
  if (row === undefined || said.version === undefined) return false
  return compareHlc(row.version, said.version) === 0 || hasCrossed(row, said)
}

/** Who knows it now does as long as it is there. */
function note(mesh: SimulatedMesh, said: Said): void {
  said.holders = runsOf(mesh, said.holders, node => isKnownIn(rowAt(mesh, node, said.id), said))
}

function wordText(id: string, version: Hlc): string {
  return `${id} ${hlcText(version)}`
}

function rowAt(mesh: SimulatedMesh, node: string, id: string): SpecRow | undefined {
  return mesh.node(node).inspect().core.ledger.tables.specs.get(id)
}
