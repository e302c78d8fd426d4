// shell
/** The chains that this node knows of, and how what was put into them here is let out before the node goes. */

import type { SpecId } from '../../ids.ts'
import { Chain, type ChainInit } from './chain.ts'

export class Chains {
  readonly #init: Omit<ChainInit, 'id'>
  readonly #chains = new Map<SpecId, Chain>()
  #isClosing = false
  /** Numbers the waits for all to be empty: only the last one goes on. */
  #waits = 0

  constructor(init: Omit<ChainInit, 'id'>) {
    this.#init = init
  }

  find(id: SpecId): Chain | undefined {
    return this.#chains.get(id)
  }

  /** Made when it is first asked for. */
  get(id: SpecId): Chain {
    const known = this.#chains.get(id)
    if (known !== undefined) return known
    const chain = new Chain({ ...this.#init, id, prng: this.#init.prng.fork(id) })
    this.#chains.set(id, chain)
    if (this.#isClosing) chain.close()
    return chain
  }

  forget(id: SpecId): void {
    this.#chains.delete(id)
  }

  /** The node stops: nobody but its own workers puts anything in any more. */
  close(): void {
    this.#isClosing = true
    for (const chain of this.#chains.values()) chain.close()
  }

  /**
   * Resolves when what has gone in by now is out, and what stages have put into other chains for it: no more often than there
   * are chains, as others may have something for the stages for ever. What other workers put in meanwhile is not waited for.
   */
  async emptied(): Promise<void> {
    const wait = (this.#waits += 1)
    for (let left = this.#chains.size; left > 0 && wait === this.#waits; left--) {
      const chains = [...this.#chains.values()]
      for (const chain of chains) chain.isFed = false
      await Promise.all(chains.map(chain => chain.emptied()))
      if (!chains.some(({ isFed }) => isFed)) return
    }
  }

  /** The stages of this node have stopped. */
  vacate(): void {
    for (const chain of this.#chains.values()) chain.isVacated = true
  }

  /** What is waited for now is not waited for any longer, nor again. */
  giveUp(): void {
    this.#waits += 1
    for (const chain of this.#chains.values()) chain.giveUp()
  }

  /** The node has stopped. */
  end(): void {
    this.#isClosing = true
    for (const chain of this.#chains.values()) chain.end()
  }
}
