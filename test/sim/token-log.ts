/**
 * The tokens that standalone workers have run with. I16: a resource that refuses smaller ones takes what the one worker
 * writes that is left of many, also after those of nodes that have died, as long as one that has known of them is there.
 */

import { type FencingToken, compareTokens } from '../../src/protocol/fencing-token.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { runsOf, runText } from './holders.ts'
import { InvariantError } from './invariant-error.ts'
import { tokenOfClaim } from './ownership-checker.ts'

/** A worker that has run. */
interface Issued {
  readonly worker: string
  readonly node: string
  readonly run: string
  readonly token: FencingToken
  /** Runs of nodes that have known of it, or of a later one, as far as they are still there. */
  holders: readonly string[]
}

export class TokenLog {
  readonly #issued: Issued[] = []
  /** So many tokens of nodes that have ended were compared in the end. */
  outlivedCount = 0

  /** A worker starts. `run`: which one of its node that is. */
  issue(worker: string, node: string, what: { readonly run: number; readonly token: FencingToken }): void {
    const run = runText(node, what.run)
    this.#issued.push({ worker, node, run, token: what.token, holders: [run] })
  }

  /** A node is gone, or all is over: who knows of what now, does so as long as it is there. */
  note(mesh: SimulatedMesh): void {
    for (const issued of this.#issued) {
      if (issued.holders.length === 0) continue
      issued.holders = runsOf(mesh, issued.holders, node => {
        const claim = mesh.node(node).inspect().core.ledger.tables.claims.get(issued.worker)
        return claim !== undefined && compareTokens(tokenOfClaim(claim), issued.token) >= 0
      })
    }
  }

  /** The one that is left has the largest token of all. */
  check(mesh: SimulatedMesh, living: { readonly worker: string; readonly node: string }): void {
    const { worker, node } = living
    this.note(mesh)
    const own = this.#issued.findLast(each => each.worker === worker && each.node === node)
    for (const each of this.#issued) {
      if (each.worker !== worker || each.holders.length === 0) continue
      if (!each.holders.includes(each.run)) this.outlivedCount += 1
      if (own === undefined || compareTokens(own.token, each.token) >= 0) continue
      throw new InvariantError(`I16: ${worker} runs as ${JSON.stringify(own)}, after ${JSON.stringify(each)}`)
    }
  }
}
