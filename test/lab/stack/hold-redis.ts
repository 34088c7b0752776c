/** Starts a Redis, reports it and keeps it running: for the test that kills such a process. */
import { startStack } from './stack.ts'

const { directory, pids, redisUrl } = await startStack({ only: ['redis'] })
console.log(JSON.stringify({ directory, pids, redisUrl }))
