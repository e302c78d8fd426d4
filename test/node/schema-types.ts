/**
 * Every schema knows the fields of its type, and no others: a field that only one of them has could not be used.
 * Nothing here runs: `npm run types` checks it.
 */

import { expectTypeOf } from 'vitest'

import type * as v from 'valibot'

import type { NetworkConditions } from '../../src/io/memory/network-conditions.ts'
import type { Config, configSchema } from '../../src/node/config.ts'
import type { NodeInit, nodeInit } from '../../src/node/options.ts'
import type { ChainSpec, StageSpec, chainSpec } from '../../src/node/specs/chain-spec.ts'
import type { LimitOptions, MailboxOptions } from '../../src/node/specs/child.ts'
import type { GroupSpec, MemberSpec, groupSpec } from '../../src/node/specs/group-spec.ts'
import type { PlacementOption } from '../../src/node/specs/placement-option.ts'
import type { WorkerSpec, workerSpec } from '../../src/node/specs/worker-spec.ts'
import type { Server, ServerSpec, StageOptions, TaskOptions } from '../../src/node/workers/behaviours.ts'
import type { serverSpec, stageOptions, taskOptions } from '../../src/node/workers/definitions.ts'
import type { IdleOptions } from '../../src/node/workers/idle-options.ts'
import type { RestartIntensity } from '../../src/protocol/spec-row.ts'
import type { SimulationInit, simulation } from '../../src/simulation/simulation-options.ts'

/** The names of the fields of `T` that is there. */
type Names<T> = keyof NonNullable<T>
type Of<Schema extends v.GenericSchema> = v.InferOutput<Schema>

type Worker = Of<typeof workerSpec>
type Group = Of<typeof groupSpec>
type Member = Group['members'][number]
type Chain = Of<typeof chainSpec>
type Stage = Chain['stages'][number]
type AnyServer = ServerSpec<[], object, object, object>

// A spec.
expectTypeOf<Names<Worker>>().toEqualTypeOf<keyof WorkerSpec<Server<[n: number], object, object>>>()
expectTypeOf<Names<Worker['limits']>>().toEqualTypeOf<keyof LimitOptions>()
expectTypeOf<Names<Worker['mailbox']>>().toEqualTypeOf<keyof MailboxOptions>()
expectTypeOf<Names<Worker['placement']>>().toEqualTypeOf<keyof PlacementOption>()
expectTypeOf<Names<Worker['intensity']>>().toEqualTypeOf<keyof RestartIntensity>()
expectTypeOf<Names<Group>>().toEqualTypeOf<keyof GroupSpec>()
expectTypeOf<Names<Member>>().toEqualTypeOf<keyof MemberSpec>()
expectTypeOf<Names<Chain>>().toEqualTypeOf<keyof ChainSpec>()
expectTypeOf<Names<Stage>>().toEqualTypeOf<keyof StageSpec>()

// A behaviour.
expectTypeOf<Names<Of<typeof serverSpec>>>().toEqualTypeOf<keyof AnyServer>()
expectTypeOf<Names<Of<typeof serverSpec>['input']>>().toEqualTypeOf<Names<AnyServer['input']>>()
expectTypeOf<Names<Of<typeof serverSpec>['idle']>>().toEqualTypeOf<keyof IdleOptions<object>>()
expectTypeOf<Names<Of<typeof stageOptions>>>().toEqualTypeOf<keyof StageOptions<string>>()
expectTypeOf<Names<Of<typeof taskOptions>>>().toEqualTypeOf<keyof TaskOptions<[], string>>()
type TaskInput = Names<TaskOptions<[], string>['input']>
expectTypeOf<Names<Of<typeof taskOptions>['input']>>().toEqualTypeOf<TaskInput>()

// A node, a config, a simulation.
expectTypeOf<Names<Of<typeof nodeInit>>>().toEqualTypeOf<keyof NodeInit>()
expectTypeOf<Names<Of<typeof nodeInit>['discovery']>>().toEqualTypeOf<Names<NodeInit['discovery']>>()
expectTypeOf<Names<Of<typeof configSchema>>>().toEqualTypeOf<keyof Config>()
expectTypeOf<Names<Of<typeof simulation>>>().toEqualTypeOf<keyof SimulationInit>()
expectTypeOf<Names<Of<typeof simulation>['conditions']>>().toEqualTypeOf<keyof NetworkConditions>()
