/** Why something is down does not change with what is asked of it afterwards, and refused. */

import { expect, test } from 'vitest'

import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { defineServer, defineStage, defineTask } from '../../src/node/workers/behaviours.ts'
import type { TaskContext } from '../../src/node/workers/context.ts'
import { allSeeAll } from './all-see-all.ts'

const again = defineServer('again', {
  init: (_context, id: string) => ({ id }),
  call: {
    crash: ({ id }): void => {
      throw new RangeError(`crash of ${id}`)
    },
  },
})
const fussy = defineStage('fussy', (word: string) => {
  throw new RangeError(`crash of ${word}`)
})
const brief = defineTask('brief', async (context: TaskContext<string>) => {
  for await (const message of context.messages) throw new RangeError(message)
})
const once = { restarts: 1, withinMs: 60_000 }
const refused = { name: 'StartError', message: expect.stringMatching(/crash of/) }
/** The reasons as each node says them, newest first. */
const reasonsOf = (mesh: SimulatedMesh): string[] =>
  mesh.up.map(node => {
    const [{ status } = {}] = mesh.node(node).snapshot().specs
    if (status?.kind === 'gave-up')
      return [status.failure, ...status.failures].map(failure => failure?.message).join(', ')
    return status?.kind === 'done' ? `done: ${status.failure?.message}` : String(status?.kind)
  })
const expectAll = async (mesh: SimulatedMesh, reasons: string): Promise<void> => {
  await mesh.run(2_000)
  expect(reasonsOf(mesh)).toEqual(mesh.up.map(() => reasons))
}

test.each([1, 3])('reasons of a group stay as they were, on %i nodes', async nodes => {
  await using mesh = await simulate({ behaviours: [again], nodes })
  await allSeeAll(mesh)
  const pair = ['a', 'b'].map(id => ({ id, run: again, args: [id] as const }))
  const spec = { id: 'g', strategy: 'rest_for_one', intensity: once, members: pair } as const
  const group = await mesh.settle(mesh.node('n1').addGroup(spec))
  await mesh.settle(group.member('b').call.crash()).catch(() => {})
  await expectAll(mesh, 'running')
  await mesh.settle(group.member('a').call.crash()).catch(() => {})
  const reasons = 'crash of a, crash of a, crash of b'
  await expectAll(mesh, reasons)
  const asked = mesh.node(mesh.up.at(-1) ?? '').getGroup<typeof pair>('g')
  const added = asked.addMember({ id: 'z', run: again, args: ['z'] })
  await expect(mesh.settle(added)).rejects.toMatchObject(refused)
  await expectAll(mesh, reasons)
  for (const id of ['b', 'a']) {
    await expect(mesh.settle(asked.restartMember(id))).rejects.toMatchObject(refused)
    await expectAll(mesh, reasons)
  }
  await expect(mesh.settle(asked.member('b').call.crash())).rejects.toMatchObject({
    message: expect.stringMatching('it failed too often: RangeError: crash of a;'),
  })
  // Nor with what is not refused, and starts nothing.
  await mesh.settle(asked.stopMember('a'))
  await expectAll(mesh, reasons)
  await mesh.settle(asked.removeMember('a'))
  await expectAll(mesh, reasons)
  await mesh.settle(asked.restart())
  await expectAll(mesh, 'running')
})

test.each([1, 3])('reasons of a chain stay as they were, on %i nodes', async nodes => {
  await using mesh = await simulate({ behaviours: [fussy], nodes })
  await allSeeAll(mesh)
  const stages = [
    { id: 'one', run: fussy, workers: 2 },
    { id: 'two', run: fussy },
  ] as const
  const chain = await mesh.settle(
    mesh.node('n1').addChain({ id: 'c', intensity: once, attemptsMax: 1, stages }),
  )
  await mesh.settle(chain.send('two', { to: 'two' }))
  await expectAll(mesh, 'running')
  await mesh.settle(chain.send('one', { to: 'one' }))
  const reasons = 'crash of one, crash of one, crash of two'
  await expectAll(mesh, reasons)
  const asked = mesh.node(mesh.up.at(-1) ?? '').getChain('c')
  for (const id of ['two', 'one']) {
    await expect(mesh.settle(asked.restartStage(id))).rejects.toMatchObject(refused)
    await expectAll(mesh, reasons)
  }
  await mesh.settle(asked.stopStage('one'))
  await expectAll(mesh, reasons)
})

test('the failure of a group that has ended with its significant member stays as it was', async () => {
  await using mesh = await simulate({ behaviours: [again, brief] })
  await allSeeAll(mesh)
  const last = { id: 'last', run: brief, significant: true, restart: 'temporary' } as const
  const spec = {
    id: 'g',
    autoShutdown: 'any',
    members: [{ id: 'a', run: again, args: ['a'] }, last],
  } as const
  const group = await mesh.settle(mesh.node('n1').addGroup(spec))
  group.member('last').send('crash of last')
  await expectAll(mesh, 'done: crash of last')
  const asked = mesh.node('n3').getGroup('g')
  await expect(mesh.settle(asked.restartMember('last'))).rejects.toMatchObject(refused)
  await expectAll(mesh, 'done: crash of last')
})
