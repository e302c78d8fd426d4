// pure
/** A group as users declare it. */

import * as v from 'valibot'

import {
  GROUP_STRATEGIES,
  type GroupBody,
  type GroupStrategy,
  type RestartIntensity,
} from '../../protocol/spec-row.ts'
import { check } from '../check.ts'
import {
  type Process,
  type WithArgs,
  type WorkerOptions,
  child,
  childOf,
  id,
  intensity,
  isUnique,
  oneOf,
  processBehaviour,
} from './child.ts'
import type { Declared } from './spec.ts'

/** A member of a group. */
export interface MemberSpec extends WorkerOptions {
  /** Unique in its group. */
  readonly id: string
  readonly run: Process
  /** What it is started with. @default none */
  readonly args?: readonly unknown[]
}

/** The members, each with the arguments that its behaviour wants. */
export type Fitted<Members extends readonly MemberSpec[]> = {
  readonly [K in keyof Members]: Members[K] extends { readonly run: infer B extends Process }
    ? MemberSpec & { readonly run: B } & WithArgs<B>
    : never
}

export interface GroupSpec<Members extends readonly unknown[] = readonly MemberSpec[]> {
  readonly id: string
  /** `one_for_all`: one crashes, all stop, all start again. @default 'one_for_all' */
  readonly strategy?: GroupStrategy
  readonly intensity?: RestartIntensity
  /** Shares the members out evenly over the nodes. @default true */
  readonly spread?: boolean
  /** In the order in which they start on a node. */
  readonly members: Members
}

const memberSpec = v.strictObject({ id, run: processBehaviour, ...child }, 'an object')

const groupSpec = v.strictObject(
  {
    id,
    strategy: v.optional(oneOf(GROUP_STRATEGIES), 'one_for_all'),
    intensity,
    spread: v.optional(v.boolean('true or false'), true),
    members: v.pipe(
      v.array(memberSpec, 'a list of members'),
      v.minLength(1, 'at least one member'),
      v.check(members => isUnique(members.map(member => member.id)), 'members with different ids'),
    ),
  },
  'an object',
)

/** @throws {OptionsError} naming every bad field; {PayloadError} when the arguments cannot be sent */
export function declareGroup(spec: unknown): Declared<GroupBody> {
  const checked = check('the group spec', groupSpec, spec)
  const members = checked.members.map(member => ({ id: member.id, child: childOf(member) }))
  const { strategy, intensity: limit, spread } = checked
  return { id: checked.id, body: { kind: 'group', strategy, intensity: limit, spread, members } }
}
