/** The other end of the raw baseline, in its own process. */

import { serveRaw } from './raw.ts'

process.send?.({ port: await serveRaw() })
