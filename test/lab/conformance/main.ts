import { type Flaw, ReferenceSubscriber } from './reference-subscriber.ts'

/** The reference subscriber as a process, as the kit starts one. */

const subscriber = new ReferenceSubscriber(process.env as Record<string, string>, process.argv[2] as Flaw | undefined)
process.once('SIGTERM', async () => {
  await subscriber.stop()
  process.exit()
})
await subscriber.start()
await subscriber.done()
process.stderr.write(`${subscriber.ended()}\n`)
process.exitCode = 1
