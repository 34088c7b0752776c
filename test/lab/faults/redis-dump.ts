import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Server } from '../stack/server.ts'
import type { LabShard } from './lab-redis.ts'
import { redisCommand } from './redis-command.ts'

const DUMP = 'dump.rdb'

/** Dumps the data of a server. Resolves with the path of the dump. */
export async function dumpOf(server: Server): Promise<string> {
  await redisCommand(server, 'SAVE')
  const file = join(server.directory, DUMP)
  await copyFile(file, `${file}.old`)
  return `${file}.old`
}

/** Kills both servers and restarts them, the primary with the data of a dump. Without the replica, nothing can take over. */
export async function restore({ primary, replica }: LabShard, dump: string): Promise<void> {
  await replica.kill()
  await primary.kill()
  await copyFile(dump, join(primary.directory, DUMP))
  await primary.start()
  for (const { directory } of [primary, replica]) {
    await rm(join(directory, DUMP), { force: true })
  }
  await replica.start()
}
