import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Guard } from './guard.ts'
import { exists, type Packages } from './packages.ts'
import { launch } from './server.ts'
import { kafkaSpec, loneBroker, registrySpec } from './specs.ts'

/**
 * The same packages with class data archives, which the JVM maps instead of loading and verifying every class. A broker
 * then starts with about half the work (2.6 s of CPU time instead of 4.4 s or more), and tests start many.
 *
 * Made once, by starting and stopping the servers; kept next to the packages, for this version of Java. If that fails, the
 * servers start without archives, only slower.
 */
export async function withClassArchives(packages: Packages, report: (line: string) => void): Promise<Packages> {
  const directory = join(packages.directory, `classes-${packages.javaId}`)
  if (!(await exists(directory))) {
    report('archiving the classes of Kafka and the registry, once (half a minute)')
    await archive(packages, directory).catch((error: Error) =>
      report(`continuing without class archives: ${error.message}`),
    )
  }
  const archives = { kafka: join(directory, 'kafka.jsa'), registry: join(directory, 'registry.jsa') }
  const complete = (await exists(archives.kafka)) && (await exists(archives.registry))
  return complete ? { ...packages, classArchives: archives } : packages
}

/** Atomic, because another checkout may be doing the same at this moment. */
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
