// pure
/** The units of a node, the one that it would give up first on top: a binary heap that knows where each unit is. */

import { type UnitState, compareAt } from './unit-state.ts'

export class MemberHeap {
  readonly #units: UnitState[] = []

  get size(): number {
    return this.#units.length
  }

  /** The one that the node would give up first. */
  get worst(): UnitState | undefined {
    return this.#units[0]
  }

  /** All of them as they are now, in no order. */
  units(): UnitState[] {
    return [...this.#units]
  }

  push(unit: UnitState): void {
    this.#units.push(unit)
    this.#rise(unit, this.#units.length - 1)
  }

  /** Takes out a unit that is in it. */
  remove(unit: UnitState): void {
    const hole = unit.heapIndex
    const last = this.#units.pop()
    unit.heapIndex = -1
    if (last === undefined || last === unit) return
    const parent = this.#units[(hole - 1) >> 1]
    if (hole > 0 && parent !== undefined && isWorse(last, parent)) this.#rise(last, hole)
    else this.#sink(last, hole)
  }

  #rise(unit: UnitState, from: number): void {
    let index = from
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = this.#units[parentIndex]
      if (parent === undefined || !isWorse(unit, parent)) break
      this.#put(parent, index)
      index = parentIndex
    }
    this.#put(unit, index)
  }

  #sink(unit: UnitState, from: number): void {
    let index = from
    for (;;) {
      const left = this.#units[2 * index + 1]
      const right = this.#units[2 * index + 2]
      if (left === undefined) break
      const isRight = right !== undefined && isWorse(right, left)
      const child = isRight ? right : left
      if (!isWorse(child, unit)) break
      this.#put(child, index)
      index = 2 * index + (isRight ? 2 : 1)
    }
    this.#put(unit, index)
  }

  #put(unit: UnitState, index: number): void {
    this.#units[index] = unit
    unit.heapIndex = index
  }
}

function isWorse(a: UnitState, b: UnitState): boolean {
  return compareAt(a, a.rank, a.score, b) > 0
}
