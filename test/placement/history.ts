/** Random histories of a mesh: nodes and units come, change and go, and placement follows. One seed draws it all. */

import { PlacementEngine } from '../../src/placement/engine.ts'
import { place } from '../../src/placement/placement.ts'
import type { Assignment, Decline, Move, PlacementOptions, Unit } from '../../src/placement/unit.ts'
import type { Candidate } from '../../src/placement/view.ts'
import { Prng } from '../../src/prng.ts'

/** How large a history may become, and how wild. */
export interface HistorySize {
  readonly nodesMax: number
  readonly unitsMax: number
  readonly steps: number
  /** How many changes there may be between two looks. */
  readonly batchMax: number
}

const ZONES = ['', 'east', 'west', 'south']
const BEHAVIOURS = ['a@1', 'b@1', 'c@2']
const LOAD_FACTORS = [1, 1.05, 1.1, 1.25, 1.5, 3]

/** Something that differs between engine and specification. */
export class PlacementError extends Error {
  override readonly name = 'PlacementError'
}

/** One history. After each batch of changes the engine must say what the specification says, and so must a new one. */
export class History {
  readonly nodes = new Map<string, Candidate>()
  readonly units = new Map<string, Unit>()
  readonly declines = new Map<string, Decline>()
  readonly options: PlacementOptions
  readonly engine: PlacementEngine
  /** How many units have been compared. */
  checks = 0
  readonly #seed: string
  readonly #size: HistorySize
  readonly #prng: Prng
  readonly #isWild: boolean
  /** Where the units live, as the moves say. */
  readonly #owners = new Map<string, string>()

  constructor(seed: string, size: HistorySize) {
    this.#seed = seed
    this.#size = size
    this.#prng = new Prng(`${seed} placement`)
    this.options = { loadFactor: this.#prng.pick(LOAD_FACTORS), salt: this.#prng.pick(['', seed]) }
    this.engine = new PlacementEngine(this.options)
    // Half of the histories are of plain nodes and units, where the bounds alone decide.
    this.#isWild = this.#prng.below(2) === 0
  }

  run(): void {
    for (let step = 0; step < this.#size.steps; step++) {
      const changes = 1 + this.#prng.below(this.#size.batchMax)
      for (let change = 0; change < changes; change++) this.#change()
      this.#check(step)
    }
  }

  #change(): void {
    const prng = this.#prng
    const dice = prng.below(100)
    if (dice < 20) this.#setNode(this.#anyNode())
    else if (dice < 28) this.#deleteNode(this.#pickNode())
    else if (dice < 36) this.#changeNode()
    else if (dice < 72) this.#setUnit(this.#anyUnit())
    else if (dice < 86) this.#deleteUnit(this.#pickUnit())
    else if (dice < 93 && this.#isWild) this.#decline(this.#pickUnit(), this.#pickNode())
    else if (dice < 97) this.#revoke()
    else if (dice === 97) for (let n = 0; n < 10; n++) this.#setUnit(this.#anyUnit())
    else if (dice === 98) this.#restart()
    else this.#churn()
  }

  /** A node that drains, or stops draining, or has other labels or another weight. */
  #changeNode(): void {
    const node = this.nodes.get(this.#pickNode())
    if (node === undefined) return
    const other = this.#anyNode()
    const { weight, labels, zone, draining } = other
    const change = this.#prng.pick([
      { weight },
      { labels },
      { zone },
      { draining: !node.draining },
      { draining },
    ])
    this.#setNode({ ...node, ...change })
  }

  /** A node leaves and comes back as it was, before anybody looks. */
  #restart(): void {
    const node = this.nodes.get(this.#pickNode())
    if (node === undefined) return
    this.#deleteNode(node.id)
    this.#setNode(node)
  }

  /** A unit is gone, and back, before anybody looks. */
  #churn(): void {
    const unit = this.units.get(this.#pickUnit())
    if (unit === undefined) return
    this.#deleteUnit(unit.id)
    this.#setUnit(unit)
  }

  #setNode(node: Candidate): void {
    this.nodes.set(node.id, node)
    this.engine.setNode(node)
  }

  #deleteNode(id: string): void {
    this.nodes.delete(id)
    this.engine.deleteNode(id)
  }

  #setUnit(unit: Unit): void {
    this.units.set(unit.id, unit)
    this.engine.setUnit(unit)
  }

  #deleteUnit(id: string): void {
    this.units.delete(id)
    this.#owners.delete(id)
    this.engine.deleteUnit(id)
  }

  #decline(unit: string, node: string): void {
    this.declines.set(`${unit} ${node}`, { unit, node })
    this.engine.decline(unit, node)
  }

  #revoke(): void {
    const keys = [...this.declines.keys()]
    if (keys.length === 0) return
    const key = this.#prng.pick(keys)
    const decline = this.declines.get(key)
    if (decline === undefined) return
    this.declines.delete(key)
    this.engine.revokeDecline(decline.unit, decline.node)
  }

  #pickNode(): string {
    return `n${this.#prng.below(this.#size.nodesMax)}`
  }

  #pickUnit(): string {
    return `u${this.#prng.below(this.#size.unitsMax)}`
  }

  #anyNode(): Candidate {
    const prng = this.#prng
    const id = this.#pickNode()
    if (!this.#isWild) {
      return { id, weight: 1, zone: '', labels: {}, behaviours: BEHAVIOURS, draining: false }
    }
    return {
      id,
      weight: prng.pick([1, 1, 1, 2, 3, 0.1, prng.between(0.5, 16)]),
      zone: prng.pick(ZONES),
      labels: prng.pick([{}, { gpu: 'yes' }, { gpu: 'no' }, { gpu: 'yes', disk: 'ssd' }]),
      behaviours: BEHAVIOURS.filter(() => prng.below(5) > 0),
      draining: prng.below(8) === 0,
    }
  }

  #anyUnit(): Unit {
    const prng = this.#prng
    const id = this.#pickUnit()
    const spread = prng.below(3) === 0 ? { spread: `s${prng.below(3)}` } : {}
    if (!this.#isWild) return { id, needs: [], ...spread }
    const key = `k${prng.below(3)}`
    const mode = prng.pick(['near', 'rotate'] as const)
    return {
      id,
      needs: BEHAVIOURS.filter(() => prng.below(3) === 0),
      ...spread,
      ...(prng.below(4) === 0 ? { affinity: `a${prng.below(3)}` } : {}),
      ...(prng.below(4) === 0 ? { zone: { mode, key, ordinal: prng.below(9) } } : {}),
      ...(prng.below(4) === 0 ? { selector: prng.pick([{ gpu: 'yes' }, { disk: 'ssd' }, {}]) } : {}),
      ...(prng.below(6) === 0 ? { tier: prng.below(3) } : {}),
    }
  }

  #check(step: number): void {
    const moves = this.engine.settle()
    const wanted = place(
      this.#prng.shuffle([...this.nodes.values()]),
      this.#prng.shuffle([...this.units.values()]),
      this.options,
      [...this.declines.values()],
    )
    this.#compare(step, { what: 'after its history', found: this.engine.assignments(), wanted })
    this.#compare(step, { what: 'in one go', found: this.#anew().assignments(), wanted })
    this.#checkOthers(step)
    this.checks += this.units.size
    this.#checkMoves(step, moves, new Map([...wanted].map(([id, { node }]) => [id, node])))
  }

  #compare(
    step: number,
    between: {
      readonly what: string
      readonly found: ReadonlyMap<string, Assignment>
      readonly wanted: ReadonlyMap<string, Assignment>
    },
  ): void {
    const { what, found, wanted } = between
    for (const id of this.units.keys()) {
      const [one, other] = [found.get(id), wanted.get(id)]
      if (one?.node === other?.node && one?.overflow === other?.overflow) continue
      const [is, belongs] = [JSON.stringify(one), JSON.stringify(other)]
      throw this.#error(step, `${what}, ${id} is on ${is}, and belongs to ${belongs}`)
    }
    if (found.size !== wanted.size)
      throw this.#error(step, `${what}, there are ${found.size} owners instead of ${wanted.size}`)
  }

  /** An engine that is told all at once of what there is now, in any order. */
  #anew(): PlacementEngine {
    const engine = new PlacementEngine(this.options)
    const tell = [
      ...this.nodes.values().map(each => () => engine.setNode(each)),
      ...this.units.values().map(each => () => engine.setUnit(each)),
      ...this.declines.values().map(each => () => engine.decline(each.unit, each.node)),
    ]
    for (const each of this.#prng.shuffle(tell)) each()
    return engine
  }

  /** Somebody else would take a unit, exactly when it has an owner where this node declines it. */
  #checkOthers(step: number): void {
    const [unit, node] = [this.units.get(this.#pickUnit()), this.#pickNode()]
    if (unit === undefined) return
    const declines = [...this.declines.values(), { unit: unit.id, node }]
    const wanted = place([...this.nodes.values()], [unit], this.options, declines).has(unit.id)
    if (this.engine.hasOther(unit.id, node) !== wanted)
      throw this.#error(step, `${unit.id} ${wanted ? 'has' : 'does not have'} another node than ${node}`)
  }

  /** The moves lead from the last map to this one. */
  #checkMoves(step: number, moves: readonly Move[], owners: ReadonlyMap<string, string>): void {
    for (const { unit, from, to } of moves) {
      if (from === to) throw this.#error(step, `${unit} is said to have moved, and has not`)
      if (to === undefined) this.#owners.delete(unit)
      else this.#owners.set(unit, to)
    }
    for (const id of this.units.keys()) {
      const [told, real] = [this.#owners.get(id), owners.get(id)]
      if (told !== real) throw this.#error(step, `${id} is at ${real}, and by the moves at ${told}`)
    }
  }

  #error(step: number, what: string): PlacementError {
    const { nodesMax, unitsMax } = this.#size
    return new PlacementError(
      `seed ${this.#seed}, step ${step} (${nodesMax} nodes, ${unitsMax} units): ${what}`,
    )
  }
}

export const SMALL: HistorySize = { nodesMax: 6, unitsMax: 20, steps: 60, batchMax: 4 }
export const MIDDLE: HistorySize = { nodesMax: 14, unitsMax: 80, steps: 80, batchMax: 8 }
export const LARGE: HistorySize = { nodesMax: 40, unitsMax: 300, steps: 60, batchMax: 30 }

/** Runs histories until so many units have been compared. @returns how many it were */
export function compare(size: HistorySize, checks: number, from = 1): { checks: number; histories: number } {
  let done = 0
  let histories = 0
  while (done < checks) {
    const history = new History(String(from + histories), size)
    history.run()
    done += history.checks
    histories += 1
  }
  return { checks: done, histories }
}
