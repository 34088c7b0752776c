import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '../stack/run-command.ts'
import type { Server, ServerSpec } from '../stack/server.ts'
import { redisCommand } from './redis-command.ts'

const REWRITTEN_MAX_MS = 20_000
/** More than the disk holds. */
const FILL_BYTES = 64 << 20

/**
 * A Redis that can be told to use a small disk: a file system that only its process sees, and that vanishes with it.
 * Without the privilege to mount one (root), an ordinary Redis.
 */
export function withSmallDisk(spec: ServerSpec): ServerSpec {
  return {
    ...spec,
    command: (place) => [
      'sh',
      '-c',
      `mkdir -p ${SMALL_DISK}
    if unshare --mount true 2>/dev/null; then
      exec unshare --mount sh -c 'mount -t tmpfs -o size=16m tmpfs ${SMALL_DISK} && exec "$@"' sh "$@"
    fi
    exec "$@"`,
      'sh',
      ...spec.command(place),
      '--enable-protected-configs',
      'local',
    ],
  }
}

/** Its path in the directory of the server. */
const SMALL_DISK = 'small-disk'

/** Makes Redis write an append-only file to a small disk, and fills that disk. */
export async function fillDisk(server: Server): Promise<void> {
  await redisCommand(server, `CONFIG SET dir ${join(server.directory, SMALL_DISK)}`)
  await redisCommand(server, 'CONFIG SET appendonly yes')
  await until('Redis writes its append-only file', REWRITTEN_MAX_MS, async () =>
    /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/.test(await redisCommand(server, 'INFO persistence')),
  )
  await writeFile(fillOn(server), Buffer.alloc(FILL_BYTES)).then(
    () => {
      throw new Error('filling the disk needs the privilege to mount a file system: run as root')
    },
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOSPC') {
        throw error
      }
    },
  )
}

/** Frees the disk and turns the append-only file off. */
export async function emptyDisk(server: Server): Promise<void> {
  await rm(fillOn(server), { force: true })
  await redisCommand(server, 'CONFIG SET appendonly no')
  await redisCommand(server, `CONFIG SET dir ${server.directory}`)
}

/** A path on the small disk, which only the Redis process has mounted. */
function fillOn(server: Server): string {
  return join(`/proc/${server.pid}/root`, server.directory, SMALL_DISK, 'fill')
}
