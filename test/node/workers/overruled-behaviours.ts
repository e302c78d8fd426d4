/** What code of a worker does whose node says that another one has it: see `overruled.test.ts`. */

import { existsSync } from 'node:fs'

import { currentWorker } from '../../../src/index.ts'
import { defineServer } from '../../../src/node/workers/behaviours.ts'
import type { WorkerContext } from '../../../src/node/workers/context.ts'

export const ear = defineServer('overruled-ear', {
  init: (): { readonly heard: string[] } => ({ heard: [] }),
  call: { heard: state => state.heard },
  cast: { note: (state, what: string) => void state.heard.push(what) },
})

async function attempt({ log }: WorkerContext, what: string, deed: () => unknown): Promise<void> {
  try {
    await deed()
    log.info({}, `${what}: done`)
  } catch (error) {
    log.info({}, `${what}: ${error instanceof Error ? error.name : 'thrown'}`)
  }
}

export const overruled = defineServer('overruled', {
  init: context => ({ context }),
  call: {
    incarnation: () => currentWorker()?.incarnation ?? 0,
    /** Works until it is told to stop, tries everything then, and leaves a call behind that nobody waits for. */
    work: async ({ context }) => {
      context.log.info({}, 'at work')
      while (!context.signal.aborted) await context.sleep(60_000)
      const ref = context.getWorker('ear', ear)
      void ref.call.heard()
      await attempt(context, 'cast', () => ref.cast.note('cast'))
      await attempt(context, 'send', () => ref.send('message'))
      await attempt(context, 'call', () => ref.call.heard())
      await attempt(context, 'sleep', () => context.sleep(1))
      await ref.call.heard()
    },
    /** Hears nothing until there is such a file, and sends something then. */
    loop: ({ context }, path: string) => {
      context.log.info({}, 'in a loop')
      while (!existsSync(path));
      context.getWorker('ear', ear).cast.note('out of a loop')
    },
  },
  terminate: async ({ context }, reason) => {
    await attempt(context, `terminate ${String(reason)}`, () => context.sleep(1))
  },
})
