// pure
/** Why no live node runs some workers of a spec, for people: what all lack, and who could and does not. */

import { type Restriction, canRun, restrictionKey, restrictionOf } from '../../placement/eligibility.ts'
import type { Unit } from '../../placement/unit.ts'
import type { Candidate } from '../../placement/view.ts'
import { isolatedIn } from '../../protocol/spec-row.ts'

/** So many of a kind are named: a person reads no more, and a group may want thousands. */
const NAMED_MAX = 10

/** What keeps all of `nodes` from running `units`, in one line; not empty. Cost: nodes, for each kind of unit. */
export function shortageOf(units: readonly Unit[], nodes: readonly Candidate[]): string {
  const kinds = new Map(units.map(unit => [restrictionKey(restrictionOf(unit)), restrictionOf(unit)]))
  const missing: string[] = []
  const apart: string[] = []
  const refused: Restriction[] = []
  for (const kind of kinds.values()) {
    const lacked = missingOf(kind, nodes)
    if (lacked.length > 0) missing.push(...lacked)
    else if (nodes.some(node => canRun(node, kind))) refused.push(kind)
    else apart.push(`no live node has all of: ${wantsOf(kind).join(', ')}`)
  }
  const lacking = missing.length === 0 ? [] : [`no live node has ${listed(missing, ', ')}`]
  const together = apart.length === 0 ? [] : [listed(apart, '; ')]
  const unwilling = refused.length === 0 ? [] : [refusalOf(refused, { units, nodes })]
  return [...lacking, ...together, ...unwilling].join('; ')
}

/** What none of the nodes has. */
function missingOf({ needs, selector = {} }: Restriction, nodes: readonly Candidate[]): string[] {
  const behaviours = needs.filter(need => !nodes.some(node => node.behaviours.includes(need)))
  const labels = Object.entries(selector).filter(
    ([label, value]) => !nodes.some(node => node.labels[label] === value),
  )
  return [
    ...behaviours.map(need => behaviourText(need, nodes)),
    ...labels.map(([label, value]) => `the label ${label}=${value}`),
  ]
}

function behaviourText(need: string, nodes: readonly Candidate[]): string {
  const isolated = isolatedIn(need)
  const all = nodes.flatMap(node => node.behaviours)
  if (isolated !== undefined && all.includes(isolated))
    return `the behaviour "${isolated}" by the URL of its module, as a thread or process wants it`
  const behaviour = isolated ?? need
  const name = behaviour.slice(0, behaviour.lastIndexOf('@') + 1)
  const versions = new Set(all.filter(each => each.startsWith(name) && isolatedIn(each) === undefined))
  const others = versions.size === 0 ? '' : ` (but ${listed([...versions].toSorted(), ', ')})`
  return `the behaviour "${behaviour}"${others}`
}

/** Who could run these, and does not: emptied or about to leave, or having declined them. */
function refusalOf(
  kinds: readonly Restriction[],
  { units, nodes }: { readonly units: readonly Unit[]; readonly nodes: readonly Candidate[] },
): string {
  const slots = new Set<string>(units.map(({ id }) => id))
  const able = nodes.filter(node => kinds.some(kind => canRun(node, kind)))
  const draining = able.filter(node => node.draining).map(({ id }) => id)
  const declining = able.flatMap(({ id, draining: isDraining, declines = [] }) =>
    !isDraining && declines.some(slot => slots.has(slot)) ? [id] : [],
  )
  const reasons = [
    draining.length > 0 ? `emptied, or about to leave: ${draining.toSorted().join(', ')}` : '',
    declining.length > 0
      ? `could not start it, and decline it for now: ${declining.toSorted().join(', ')}`
      : '',
  ].filter(text => text !== '')
  const why = reasons.length === 0 ? '' : ` (${reasons.join('; ')})`
  const wants = new Set(kinds.flatMap(wantsOf))
  return `no live node takes it${why} that has all of: ${listed([...wants], ', ')}`
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
