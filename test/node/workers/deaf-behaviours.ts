/** Workers that do not hear that they are to stop. */

import { setTimeout as pause } from 'node:timers/promises'

import { defineServer, defineStage, defineTask } from '../../../src/node/workers/behaviours.ts'
import type { WorkerContext } from '../../../src/node/workers/context.ts'

/** What a deaf worker is at: it waits for what never comes, does something now and then, or never lets go. */
export type Deafness = 'waits' | 'goes-on' | 'loops'

const PAUSE_MS = 5

/** Hears what others do. */
export const witness = defineServer('deaf-witness', {
  init: () => ({ heard: new Set<unknown>() }),
  call: { heard: state => [...state.heard] },
  info: (state, message) => void state.heard.add(message),
})

async function beDeaf(how: Deafness, context: WorkerContext): Promise<void> {
  const { worker, log } = context
  log.info({}, `${worker} is deaf`)
  if (how === 'loops') for (;;);
  if (how === 'waits') await new Promise(() => {})
  try {
    for (;;) {
      context.getWorker('witness').send(`${worker} ${context.signal.aborted ? 'goes on' : 'works'}`)
      await pause(PAUSE_MS)
    }
  } catch (error) {
    log.info({}, `${worker} is refused: ${error instanceof Error ? error.name : 'no error'}`)
  }
}

export const deafServer = defineServer('deaf-server', {
  init: context => context,
  call: { be: (context, how: Deafness) => beDeaf(how, context) },
})

export const deafTask = defineTask('deaf-task', (context, how: Deafness) => beDeaf(how, context))

export const deafStage = defineStage('deaf-stage', (how: Deafness, context) => beDeaf(how, context))
