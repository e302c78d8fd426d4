/**
 * I34: what is done at a stage for the first time, of one sender and one key, is done in the order of sending. A stage
 * that was passed over for a while is no exception, but for what nobody can hinder: an owner that stood still, was
 * succeeded, and has not heard of it, goes on with what it was sent before. Of that, an item which went past the stage
 * meanwhile, under its successors, is done there for the first time, after later ones. Such an owner is told by its
 * token, as it would be by a resource that it writes to; what it does is in order among itself.
 */

import { type FencingToken, compareTokens } from '../../src/protocol/fencing-token.ts'
import type { StageContext } from '../../src/node/workers/context.ts'

/** Who has done what: as much of the context of a stage as is looked at. */
export type DoneBy = Pick<StageContext, 'item' | 'token'>

/** One key of one sender at one stage. */
interface Line {
  readonly items: Set<number>
  last: number
  /** The largest one of those who have done any of them. */
  token: FencingToken | undefined
}

export class PushOrder {
  /** The stage behind each that may be passed over, which has one worker and no key of its own. */
  readonly #behind: ReadonlyMap<string, string>
  readonly #lines = new Map<string, Line>()
  /** The first one. */
  violation: string | undefined
  /** So many items were done by an owner that had been succeeded, after later ones. */
  belatedCount = 0

  constructor(behind: Readonly<Record<string, string>> = {}) {
    this.#behind = new Map(Object.entries(behind))
  }

  /** An item is done at a stage. */
  complete(by: DoneBy, stage: string, key: string | number): void {
    const { item, token } = by
    const name = `${item.origin}.${item.boot} ${key}`
    const line = this.#line(`${stage} ${name}`)
    if (line.items.has(item.n)) return
    if (item.n > line.last || !this.#isBelated(by, stage, name)) return this.#add(`${stage} ${name}`, by)
    line.items.add(item.n)
    this.belatedCount += 1
    this.#add(`${stage} ${name} of ${JSON.stringify(token)}`, by)
  }

  #add(name: string, { item: { n }, token }: DoneBy): void {
    const line = this.#line(name)
    if (n < line.last) this.violation ??= `I34: ${name}: ${n} after ${line.last}`
    line.items.add(n)
    line.last = n
    if (line.token === undefined || compareTokens(token, line.token) > 0) line.token = token
  }

  /** Whether who does it has been succeeded, and it has gone past the stage already. */
  #isBelated({ item, token }: DoneBy, stage: string, name: string): boolean {
    const next = this.#behind.get(stage)
    if (next === undefined || !this.#line(`${next} ${name}`).items.has(item.n)) return false
    const { token: largest } = this.#line(`${stage} ${name}`)
    return largest !== undefined && compareTokens(token, largest) < 0
  }

  #line(name: string): Line {
    const known = this.#lines.get(name)
    if (known !== undefined) return known
    const line: Line = { items: new Set(), last: -1, token: undefined }
    this.#lines.set(name, line)
    return line
  }
}
