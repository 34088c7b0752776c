import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Guard } from './guard.ts'
import { exists, type Packages } from './packages.ts'
import { launch } from './server.ts'
import { kafkaSpec, loneBroker, registrySpec } from './specs.ts'

/**
 * The same packages with archives of their classes, which the JVM maps instead of reading and checking every class anew.
 * A broker then starts with about half of the work (2.6 s of CPU instead of 4.4 s or more), and tests start many.
 *
 * Made once, by servers that are started and stopped; kept beside the packages, for this version of Java. Whoever cannot
 * have them goes on without: that costs time only.
 */
export async function withClassArchives(packages: Packages, report: (line: string) => void): Promise<Packages> {
  const directory = join(packages.directory, `classes-${packages.javaId}`)
  if (!(await exists(directory))) {
    report('archiving the classes of Kafka and the registry, once (half a minute)')
    await archive(packages, directory).catch((error: Error) => report(`without archives of classes: ${error.message}`))
  }
  const archives = { kafka: join(directory, 'kafka.jsa'), registry: join(directory, 'registry.jsa') }
  const complete = (await exists(archives.kafka)) && (await exists(archives.registry))
  return complete ? { ...packages, classArchives: archives } : packages
}

/** Appears whole or not at all: another checkout may be doing the same at this moment. */
async function archive(packages: Packages, directory: string): Promise<void> {
  const partial = await mkdtemp(`${directory}.partial-`)
  const data = await mkdtemp(join(tmpdir(), 'paystatus-classes-'))
  const guard = new Guard(data)
  const atExit = (name: string) => `-XX:ArchiveClassesAtExit=${join(partial, `${name}.jsa`)}`
  try {
    const broker = loneBroker()
    const servers = await Promise.all([
      launch(kafkaSpec(packages, { ...broker, jvmOptions: [...broker.jvmOptions, atExit('kafka')] }), data, guard),
      launch(registrySpec(packages, [atExit('registry')]), data, guard),
    ])
    await Promise.all(servers.map((server) => server.stop()))
    await rename(partial, directory)
  } catch (error) {
    if (!(await exists(directory))) {
      throw error
    }
  } finally {
    await guard.close()
    await rm(partial, { recursive: true, force: true })
  }
}
