// shell
/** What a thread or process of a worker runs first. */

import { cellPort } from '../io/system/cell-port.ts'
import { systemClock } from '../io/system/system-clock.ts'
import { CellWorker } from './workers/cell-worker.ts'

CellWorker.run(cellPort(), systemClock)
