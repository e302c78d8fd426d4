/** Tasks that read an input, and where they write it down: also imported by threads and processes. */

import { type TaskContext, defineServer, defineTask } from '../src/index.ts'

export const notebook = defineServer('input-notebook', {
  init: () => ({ notes: new Array<number | string>() }),
  call: {
    note: (state, note: number | string) => state.notes.push(note),
    notes: state => [...state.notes],
  },
})

/** Writes down what it reads, then `end`. Crashes at a number, the first time. */
export const reader = defineTask(
  'input-reader',
  async (context: TaskContext<number>, crashAt: number, eachMs: number) => {
    const book = context.getWorker('book', notebook)
    for await (const n of context.messages) {
      if (n === crashAt) throw new Error(`told to crash at ${n}`)
      await book.call.note(n)
      if (eachMs > 0) await context.sleep(eachMs)
    }
    await book.call.note('end')
  },
)
