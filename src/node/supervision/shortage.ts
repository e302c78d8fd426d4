// pure
/** Why no live node runs some workers of a spec, for people: what all lack, and who could and does not. */

import { type Restriction, canRun, restrictionKey, restrictionOf } from '../../placement/eligibility.ts'
import type { Unit } from '../../placement/unit.ts'
import type { Candidate } from '../../placement/view.ts'
import { isolatedIn } from '../../protocol/spec-row.ts'
import type { Supply } from './supply.ts'

/** So many of a kind are named: a person reads no more, and a group may want thousands. */
const NAMED_MAX = 10

/**
 * What keeps all nodes from running `units`, in one line; not empty. Cost: constant for each kind of unit that lacks
 * something, the number of nodes for each other one.
 */
export function shortageOf(units: readonly Unit[], supply: Supply): string {
  const { nodes } = supply
  const kinds = new Map(units.map(unit => [restrictionKey(restrictionOf(unit)), restrictionOf(unit)]))
  const missing: string[] = []
  const apart: string[] = []
  const refused: Restriction[] = []
  for (const kind of kinds.values()) {
    const lacked = missingOf(kind, supply)
    if (lacked.length > 0) missing.push(...lacked)
    else if (nodes.some(node => canRun(node, kind))) refused.push(kind)
    else apart.push(`no live node has all of: ${wantsOf(kind).join(', ')}`)
  }
  const lacking = missing.length === 0 ? [] : [`no live node has ${listed(missing, ', ')}`]
  const together = apart.length === 0 ? [] : [listed(apart, '; ')]
  const unwilling = refused.length === 0 ? [] : [refusalOf(refused, units, supply)]
  return [...lacking, ...together, ...unwilling].join('; ')
}

/** What none of the nodes has. */
function missingOf({ needs, selector = {} }: Restriction, supply: Supply): string[] {
  const behaviours = needs.filter(need => !supply.has(need))
  const labels = Object.entries(selector).filter(([label, value]) => !supply.hasLabel(label, value))
  return [
    ...behaviours.map(need => behaviourText(need, supply)),
    ...labels.map(([label, value]) => `the label ${label}=${value}`),
  ]
}

function behaviourText(need: string, supply: Supply): string {
  const isolated = isolatedIn(need)
  if (isolated !== undefined && supply.has(isolated))
    return `the behaviour "${isolated}" by the URL of its module, as a thread or process wants it`
  const behaviour = isolated ?? need
  const others = supply.versionsOf(behaviour)
  return `the behaviour "${behaviour}"${others.length === 0 ? '' : ` (but ${listed(others, ', ')})`}`
}

/** How many could run these, and do not: emptied or about to leave, or having declined them; with their names. */
function refusalOf(kinds: readonly Restriction[], units: readonly Unit[], supply: Supply): string {
  const slots = new Set<string>(units.map(({ id }) => id))
  const able = supply.nodes.filter(node => kinds.some(kind => canRun(node, kind)))
  const draining = able.filter(node => node.draining)
  const declining = able.filter(
    ({ draining: isDraining, declines = [] }) => !isDraining && declines.some(slot => slots.has(slot)),
  )
  const reasons = [
    reasonOf(draining, ['is emptied or about to leave', 'are emptied or about to leave'], supply),
    reasonOf(
      declining,
      ['could not start it, and declines it for now', 'could not start it, and decline it for now'],
      supply,
    ),
  ].filter(text => text !== '')
  const why = reasons.length === 0 ? '' : `: ${reasons.join(', ')}`
  const wants = new Set(kinds.flatMap(wantsOf))
  return `no live node takes it that has all of ${listed([...wants], ', ')}${why}`
}

/** `2 are ill (n1, n2)`; empty where there is none. */
function reasonOf(
  nodes: readonly Candidate[],
  [one, several]: readonly [string, string],
  supply: Supply,
): string {
  if (nodes.length === 0) return ''
  const names = nodes.map(({ id }) => supply.nameOf(id)).toSorted()
  return `${nodes.length} ${nodes.length === 1 ? one : several} (${listed(names, ', ')})`
}

/** What a node must have: behaviours, and labels as `gpu=yes`. */
function wantsOf({ needs, selector = {} }: Restriction): string[] {
  return [...needs, ...Object.entries(selector).map(([label, value]) => `${label}=${value}`)]
}

function listed(texts: readonly string[], separator: string): string {
  const all = [...new Set(texts)]
  const more = all.length - NAMED_MAX
  return more > 0
    ? `${all.slice(0, NAMED_MAX).join(separator)}${separator}and ${more} more`
    : all.join(separator)
}
