import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from './run-command.ts'

/** The Java servers on disk. */
export interface Packages {
  readonly directory: string
  readonly java: string
  /** Changes with the version of Java. */
  readonly javaId: string
  readonly kafkaClasspath: string
  readonly registryJar: string
  /** See class-archives.ts. */
  readonly classArchives?: { readonly kafka: string; readonly registry: string }
}

const POM = join(import.meta.dirname, 'pom.xml')
const JAVA_MIN = 17
const ATTEMPTS = 2

/** Outside the checkout, so that checkouts share it and `make clean` keeps it. */
export function cacheDirectory(): string {
  const { PAYSTATUS_CACHE, XDG_CACHE_HOME } = process.env
  return PAYSTATUS_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'paystatus')
}

/**
 * Finds Kafka and the registry in the cache; the first time for a pom.xml, Maven fetches them (about 190 MB). `KAFKA_VERSION`
 * is a version of Kafka other than that of the pom.xml.
 */
export async function ensurePackages(report: (line: string) => void): Promise<Packages> {
  const { KAFKA_VERSION: kafkaVersion = '' } = process.env
  const [{ java, version: javaVersion }, pom] = await Promise.all([findJava(), readFile(POM)])
  const directory = join(cacheDirectory(), `stack-${shortHash(`${pom}${kafkaVersion}`)}`)
  if (!(await exists(directory))) {
    report('fetching Kafka and Apicurio Registry with Maven, once (about 190 MB)')
    const version = kafkaVersion === '' ? [] : [`-Dkafka.version=${kafkaVersion}`]
    await fillOnce(directory, (partial) => runMaven(POM, [`-Dstack.packages=${partial}`, ...version]))
  }
  const registry = join(directory, 'registry')
  const jar = (await readdir(registry)).find((file) => file.endsWith('-runner.jar'))
  if (jar === undefined) throw new Error(`${registry} holds no -runner.jar: remove that directory and try again`)
  return {
    directory,
    java,
    javaId: shortHash(javaVersion),
    kafkaClasspath: join(directory, 'kafka', '*'),
    registryJar: join(registry, jar),
  }
}

export function shortHash(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16)
}

/** Makes a directory of the cache. Atomic, because another checkout may be doing the same at this moment. */
export async function fillOnce(directory: string, fill: (partial: string) => Promise<void>): Promise<void> {
  await mkdir(cacheDirectory(), { recursive: true })
  const partial = await mkdtemp(`${directory}.partial-`)
  try {
    await fill(partial)
    await rename(partial, directory)
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    if (!(await exists(directory))) throw error
  }
}

/** Tried twice, because two Mavens that fill one local repository at the same time can conflict. */
export async function runMaven(pom: string, options: readonly string[]): Promise<void> {
  if (!(await runCommand(['mvn', '--version'])).ok) {
    throw new Error('Maven is missing: install it (Debian: apt-get install maven), or use Docker.')
  }
  for (let attempt = 1; ; attempt++) {
    const maven = await runCommand(['mvn', '-B', '-ntp', '-q', '-f', pom, 'package', ...options])
    if (maven.ok) return
    if (attempt === ATTEMPTS) throw new Error(`Maven failed with ${pom}:\n${maven.output.slice(-3_000)}`)
  }
}

export async function findJava(): Promise<{ readonly java: string; readonly version: string }> {
  const { JAVA_HOME } = process.env
  const java = JAVA_HOME ? join(JAVA_HOME, 'bin', 'java') : 'java'
  const { ok, output } = await runCommand([java, '-version'])
  const version = Number(/version "(\d+)/.exec(output)?.[1])
  if (!ok || !(version >= JAVA_MIN)) {
    const found = ok ? `${java} is version ${version}` : `${java} does not run`
    throw new Error(
      `Java ${JAVA_MIN} or newer is needed, but ${found}: install it (Debian: apt-get install default-jre-headless).`,
    )
  }
  return { java, version: output }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
