/** Code for a thread that fills its heap, as its name says how. */

import { threadName } from 'node:worker_threads'

const hoard: unknown[] = []

if (threadName === 'parse') {
  const text = `[${Array.from({ length: 2_000_000 }, (_, n) => n).join(',')}]`
  for (;;) hoard.push(JSON.parse(text))
}
for (;;) {
  hoard.push(Array.from({ length: 1_000 }, () => ({})))
  await Promise.resolve()
}
