/** Starts a Redis, says so, and holds it: for the test that kills such a process. */
import { startStack } from './stack.ts'

const { directory, pids, redisUrl } = await startStack({ only: ['redis'] })
console.log(JSON.stringify({ directory, pids, redisUrl }))
