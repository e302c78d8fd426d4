// pure
/** A group as users declare it. */

import * as v from 'valibot'

import { OptionsError } from '../../errors.ts'
import {
  AUTO_SHUTDOWNS,
  type AutoShutdown,
  GROUP_STRATEGIES,
  type GroupBody,
  type GroupStrategy,
  type MemberBody,
  type RestartIntensity,
} from '../../protocol/spec-row.ts'
import type { Sharing } from '../../protocol/placement-wish.ts'
import { type Breach, check, doubles, fieldOf, fields, rule, oneOf } from '../check.ts'
import { boundedList, listOf } from '../list-schema.ts'
import {
  type ArgsOf,
  type Process,
  type WithArgs,
  type WorkerOptions,
  child,
  childOf,
  id,
  intensity,
  processBehaviour,
  unfitArgs,
} from './child.ts'
import type { NoOthers } from './known.ts'
import { type PlacementOption, packedApart, placement, sharingOf, sharing } from './placement-option.ts'
import type { Declared } from './spec.ts'

/** A member of a group. */
export interface MemberSpec extends WorkerOptions {
  /** Unique in its group. */
  readonly id: string
  readonly run: Process
  /** What it is started with. @default none */
  readonly args?: readonly unknown[]
  /**
   * Its end on its own may be the end of the group, as `autoShutdown` says. Not for permanent members, which never
   * end for good. @default false
   */
  readonly significant?: boolean
}

/**
 * The members, at least one, each with the arguments that its behaviour wants. Of a list whose length is not known when it is
 * compiled (`ids.map(…)`), the arguments are such lists too: their number is not checked, only what they are.
 */
export type Fitted<Members extends readonly MemberSpec[]> = number extends Members['length']
  ? readonly FittedLoosely<Members[number]>[]
  : Members extends readonly []
    ? readonly [MemberSpec, ...MemberSpec[]]
    : {
        readonly [K in keyof Members]: Members[K] extends { readonly run: infer B extends Process }
          ? MemberSpec & { readonly run: B } & WithArgs<B> & NoOthers<Members[K], MemberSpec>
          : MemberSpec
      }

type FittedLoosely<Member> = Member extends { readonly run: infer B extends Process }
  ? MemberSpec & { readonly run: B } & (WithArgs<B> | { readonly args: readonly ArgsOf<B>[number][] }) &
      NoOthers<Member, MemberSpec>
  : MemberSpec

export interface GroupSpec<Members extends readonly unknown[] = readonly MemberSpec[]> {
  readonly id: string
  /**
   * As in OTP, what the crash of a member takes with it. `one_for_all`: one crashes, all stop, all start again.
   * `one_for_one`: nobody else. `rest_for_one`: the members that are listed after it.
   * @default 'one_for_all'
   */
  readonly strategy?: GroupStrategy
  /** When to give up restarting, for all members together. @default 5 restarts in 30 s */
  readonly intensity?: RestartIntensity
  /**
   * As in OTP: the group ends with the first significant member that ends on its own (`any`), or when one has, and
   * no other is left (`all`). @default 'never'
   */
  readonly autoShutdown?: AutoShutdown
  /**
   * Shares the members out evenly over the nodes; `zones`: over the zones too, turn by turn.
   * @default true, but false where `placement` says near or pack
   */
  readonly spread?: Sharing
  /** For all members; what a member says itself goes before it. @default on any node that can run it */
  readonly placement?: PlacementOption
  /** In the order in which they start on a node. */
  readonly members: Members
}

const memberSpec = v.pipe(
  fields({ id, run: processBehaviour, ...child, significant: v.optional(v.boolean('true or false'), false) }),
  rule(unfitArgs),
  rule(endless),
)

/** Checks what `addGroup` takes. */
export const groupSpec = v.pipe(
  fields({
    id,
    strategy: v.optional(oneOf(GROUP_STRATEGIES), 'one_for_all'),
    intensity,
    autoShutdown: v.optional(oneOf(AUTO_SHUTDOWNS), 'never'),
    spread: sharing,
    placement,
    members: v.pipe(listOf(memberSpec, 'members'), v.minLength(1, 'at least one member')),
  }),
  rule(spec =>
    doubles(
      'members',
      membersOf(spec).map(member => fieldOf(member, 'id')),
    ),
  ),
  rule(insignificant),
  rule(packedApart),
)

/** A permanent member never ends for good, so its end cannot be that of the group. */
function endless(member: unknown): Breach[] {
  if (fieldOf(member, 'significant') !== true || fieldOf(member, 'restart') !== 'permanent') return []
  const wanted = 'false where restart is permanent (the default): such a member never ends for good'
  return [{ path: ['significant'], found: true, wanted }]
}

/** A significant member of a group that never ends with one means nothing. */
function insignificant(spec: unknown): Breach[] {
  const found = fieldOf(spec, 'autoShutdown')
  const index = membersOf(spec).findIndex(member => fieldOf(member, 'significant') === true)
  if (found !== 'never' || index < 0) return []
  return [{ path: ['autoShutdown'], found, wanted: `any or all, as members[${index}] is significant` }]
}

function membersOf(spec: unknown): readonly unknown[] {
  return boundedList(fieldOf(spec, 'members'))
}

/** @throws {OptionsError} naming every bad field */
export function declareGroup(spec: unknown): Declared<GroupBody> {
  const checked = check('the group spec', groupSpec, spec)
  const { strategy, intensity: limit, placement: wish, autoShutdown } = checked
  const members = checked.members.map(memberBody)
  const body: GroupBody = {
    kind: 'group',
    strategy,
    intensity: limit,
    spread: sharingOf(checked),
    placement: wish,
    autoShutdown,
    revision: 0,
    members,
  }
  return { id: checked.id, body }
}

/** @throws {OptionsError} when the end of the member means nothing to the group that it is to be added to */
export function refuseInsignificant({ autoShutdown }: GroupBody, { isSignificant }: MemberBody): void {
  if (!isSignificant || autoShutdown !== 'never') return
  const wanted = `false, as autoShutdown of the group is "never": declare the group with any or all`
  throw new OptionsError('the member spec', [{ path: 'significant', found: 'true', wanted }])
}

/** A member that is added to a group that runs. Throws as `declareGroup` does. */
export function declareMember(spec: unknown): MemberBody {
  return memberBody(check('the member spec', memberSpec, spec))
}

function memberBody(checked: v.InferOutput<typeof memberSpec>): MemberBody {
  const { id: member, significant } = checked
  return { id: member, child: childOf(checked), revision: 0, isStopped: false, isSignificant: significant }
}
