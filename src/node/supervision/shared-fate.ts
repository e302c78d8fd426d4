// pure
/**
 * Groups and chains that share their fate, on a node that is emptied: of one of which something can run nowhere else,
 * nothing moves.
 */

import type { SlotId } from '../../ids.ts'
import { type Phase, type PlacedSlot, isOver } from '../../protocol/phase.ts'
import type { FateBody } from '../../protocol/spec-row.ts'
import type { Ledger } from '../ledger.ts'
import { heldBy, outlookOf } from './outlook.ts'

/** What stays on a node that is emptied, though other nodes would take it. */
export interface HeldBack {
  readonly workers: ReadonlySet<SlotId>
  /** What it stays with, on this node or on others: no node takes that. */
  readonly unplaced: readonly SlotId[]
}

/** Of a group or chain that shares its fate, what goes on and no node takes: none of it moves while there is such a one. */
export function unplacedOf(
  phase: Phase,
  body: FateBody,
  ledger: Pick<Ledger, 'ownerOf'>,
): readonly PlacedSlot[] {
  if (body.strategy === 'one_for_one' || isOver(phase)) return []
  return outlookOf(phase, body).kept.filter(({ slot }) => ledger.ownerOf(slot) === undefined)
}

/** In the order of the rows. */
export function heldBackOn(ledger: Ledger): HeldBack {
  const { run, tables } = ledger
  const workers = new Set<SlotId>()
  const all: SlotId[] = []
  for (const phase of tables.phases.rows()) {
    const { body, desired } = tables.specs.get(phase.spec) ?? {}
    if (body === undefined || body.kind === 'worker' || desired !== 'running') continue
    const unplaced = unplacedOf(phase, body, ledger).map(({ slot }) => slot)
    const mine = unplaced.length === 0 ? [] : heldBy(outlookOf(phase, body).kept, run)
    const placed = mine.filter(({ slot }) => !unplaced.includes(slot))
    if (placed.length === 0) continue
    for (const { slot } of placed) workers.add(slot)
    all.push(...unplaced)
  }
  return { workers, unplaced: all }
}
