/** The least that a thread can do: gives back what it gets. */

import { parentPort } from 'node:worker_threads'

const port = parentPort
port?.on('message', message => port.postMessage(message))
