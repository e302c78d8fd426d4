/** What can be the id of nothing is found nowhere: the error is that of an id that is not there, or says that it is no text. */

import { expect, test } from 'vitest'

import { type WorkerRef, defineServer, defineStage } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

const member = defineServer('member', {
  init: context => context,
  call: {
    find: (context, id: never) => void context.getGroup().getMember(id),
    send: (context, id: never) => context.getGroup().send(id, 'x'),
  },
})
const stage = defineStage('stage', (n: number) => n)

async function start(): Promise<SimulatedMesh> {
  const mesh = await simulate({ behaviours: [member, stage] })
  const node = mesh.node('n1')
  await mesh.settle(node.addGroup({ id: 'line', members: [{ id: 'a', run: member }] }))
  await mesh.settle(node.addChain({ id: 'chain', stages: [{ id: 's', run: stage }] }))
  return mesh
}

const unreadable = { toString: () => expect.unreachable('it is not asked for a text') }
const NO_IDS: readonly (readonly [string, unknown])[] = [
  ['no character', ''],
  ['a blank', ' '],
  ['a slash', '/'],
  ['a path', 'a/0'],
  ['200 characters', 'x'.repeat(200)],
]
const NO_TEXTS: readonly (readonly [string, unknown])[] = [
  ['a symbol', Symbol('a')],
  ['nothing', undefined],
  ['a list', ['a']],
  ['an object', unreadable],
  ['an object without a prototype', Object.create(null)],
]

type Method = (mesh: SimulatedMesh, id: never) => unknown

const METHODS: readonly (readonly [string, Method])[] = [
  ['group.member', (mesh, id) => mesh.node('n1').getGroup('line').member(id)],
  ['group.getMember', (mesh, id) => mesh.node('n1').getGroup('line').getMember(id)],
  ['group.removeMember', (mesh, id) => mesh.node('n1').getGroup('line').removeMember(id)],
  ['group.stopMember', (mesh, id) => mesh.node('n1').getGroup('line').stopMember(id)],
  ['group.restartMember', (mesh, id) => mesh.node('n1').getGroup('line').restartMember(id)],
  ['chain.removeStage', (mesh, id) => mesh.node('n1').getChain('chain').removeStage(id)],
  ['chain.stopStage', (mesh, id) => mesh.node('n1').getChain('chain').stopStage(id)],
  ['chain.restartStage', (mesh, id) => mesh.node('n1').getChain('chain').restartStage(id)],
  ['node.getWorker', (mesh, id) => mesh.node('n1').getWorker(id)],
  ['node.getGroup', (mesh, id) => mesh.node('n1').getGroup(id)],
  ['node.removeChain', (mesh, id) => mesh.node('n1').removeChain(id)],
]

/** Nobody is held to types at run time. */
function ask(method: Method, mesh: SimulatedMesh, id: unknown): Promise<unknown> {
  return mesh.settle((async (): Promise<unknown> => Reflect.apply(method, undefined, [mesh, id]))())
}

test.each(METHODS)('%s throws a NotFoundError, or an OptionsError', async (_name, method) => {
  await using mesh = await start()
  for (const [what, id] of NO_IDS) {
    await expect(ask(method, mesh, id), what).rejects.toMatchObject({
      name: 'NotFoundError',
      message: expect.stringMatching(
        /^there is no (worker|member|stage|group|chain) ".*": (look for its id in|a member of a group is) /,
      ),
    })
  }
  for (const [what, id] of NO_TEXTS) {
    await expect(ask(method, mesh, id), what).rejects.toMatchObject({
      name: 'OptionsError',
      problems: [
        {
          path: 'id',
          found: expect.stringMatching(/./),
          wanted: expect.stringMatching(/^the id of a (worker|member|stage|group|chain), a text$/),
        },
      ],
    })
  }
})

test('who looks for a member of a group by its slot is told how it is found', async () => {
  await using mesh = await start()
  await expect(ask((at, id) => at.node('n1').getWorker(id), mesh, 'line/log')).rejects.toMatchObject({
    name: 'NotFoundError',
    message: 'there is no worker "line/log": a member of a group is node.getGroup("line").member("log")',
  })
})

const OWN: readonly (readonly [string, Method])[] = [
  ['getMember', (mesh, id) => memberOf(mesh).call.find(id)],
  ['send', (mesh, id) => memberOf(mesh).call.send(id)],
]

const memberOf = (mesh: SimulatedMesh): WorkerRef<typeof member> =>
  mesh
    .node('n1')
    .getGroup<readonly { readonly id: string; readonly run: typeof member }[]>('line')
    .member('a')

test.each(OWN)('a member that asks for one of its own group (%s): the same', async (_name, method) => {
  await using mesh = await start()
  for (const id of ['', ' ', '/', 'a/0', 'x'.repeat(200)])
    await expect(ask(method, mesh, id)).rejects.toMatchObject({
      name: 'RemoteError',
      message: expect.stringContaining('there is no member "'),
    })
  await expect(ask(method, mesh, undefined)).rejects.toMatchObject({
    name: 'RemoteError',
    message: expect.stringContaining('found nothing, wanted the id of a member, a text'),
  })
})

test('an id that is no text is not taken for the text that it would be', async () => {
  await using mesh = await start()
  await mesh.settle(mesh.node('n1').getGroup('line').addMember({ id: '5', run: member }))
  const remove: Method = (_mesh, id) => mesh.node('n1').getGroup('line').removeMember(id)
  await expect(ask(remove, mesh, 5)).rejects.toThrow('found 5, wanted the id of a member, a text')
})
