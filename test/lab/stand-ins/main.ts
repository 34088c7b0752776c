/**
 * `make images-local`: images that stand in for the official ones where no image registry can be reached.
 *
 * They are built from packages: Debian's with debootstrap, Node.js and npm from npm, Kafka and the registry from Maven. Their
 * only purpose is to show that the Dockerfile, docker-compose.yml and the container tests work. Needs root, debootstrap and a
 * Docker daemon. With access to an image registry none of this is needed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { cacheDirectory, ensurePackages } from '../stack/packages.ts'
import { runCommand } from '../stack/run-command.ts'
import { ensureCommand } from '../stack/system-package.ts'

const DEBIAN = 'paystatus-local/debian:bookworm'
const BASE = 'paystatus-local/base:bookworm'
const NODE_VERSION = '24.21.0'
const NPM_VERSION = '11'
const KAFKA_TOOLS = 'org.apache.kafka:kafka-tools:4.3.1'

/** What the servers need in addition to the minimum. */
const DEBIAN_PACKAGES = ['ca-certificates', 'curl', 'openjdk-17-jre-headless', 'redis-server']
/** The contents of Google's distroless/cc: no shell and no package manager. */
const BASE_PACKAGES = [
  ...['base-files', 'netbase', 'tzdata', 'media-types'],
  ...['libc6', 'libssl3', 'libgcc-s1', 'libgomp1', 'libstdc++6', 'gcc-12-base'],
]

const scratch = await mkdtemp(join(tmpdir(), 'paystatus-stand-ins-'))
try {
  await makeImages()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await rm(scratch, { recursive: true, force: true })
}

async function makeImages(): Promise<void> {
  if (!(await runCommand(['docker', 'version'])).ok) {
    throw new Error('No Docker daemon answers: start one, or set DOCKER_HOST.')
  }
  if (!(await hasImage(DEBIAN)) || !(await hasImage(BASE))) await makeDebian()
  await makeNode()
  const { kafkaClasspath, registryJar } = await ensurePackages(console.log)
  await build('kafka', 'paystatus-local/kafka:4.3.1', async (context) => {
    await cp(dirname(kafkaClasspath), join(context, 'jars'), { recursive: true })
    // The health check of docker-compose.yml uses a tool that a broker itself does not need.
    const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy'
    const tools = [`-Dartifact=${KAFKA_TOOLS}`, `-DoutputDirectory=${join(context, 'jars')}`]
    await runOrFail(['mvn', '-B', '-ntp', '-q', plugin, ...tools])
  })
  await build('redis', 'paystatus-local/redis:7')
  await build('registry', 'paystatus-local/registry:2.6.13.Final', async (context) => {
    await cp(dirname(registryJar), join(context, 'registry'), { recursive: true })
    await runOrFail(['mv', join(context, 'registry', basename(registryJar)), join(context, 'registry', 'runner.jar')])
  })
}

/** A whole Debian for the servers, and a base of a few of its packages for paystatus itself. */
async function makeDebian(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('debootstrap needs root: run `make images-local` as root.')
  await ensureCommand('debootstrap', 'debootstrap', console.log)
  console.log('building a Debian with debootstrap')
  const root = join(scratch, 'debian')
  const include = [...new Set([...DEBIAN_PACKAGES, ...BASE_PACKAGES])].join(',')
  const cache = join(cacheDirectory(), 'debian-packages')
  await mkdir(cache, { recursive: true })
  await runOrFail([
    ...(['debootstrap', '--variant=minbase', `--cache-dir=${cache}`, `--include=${include}`] as const),
    ...['bookworm', root],
  ])
  const archives = join(root, 'var', 'cache', 'apt', 'archives')
  const base = join(scratch, 'base')
  for (const file of (await readdir(archives)).filter((name) => BASE_PACKAGES.includes(name.split('_')[0] as string))) {
    await runOrFail(['dpkg-deb', '--extract', join(archives, file), base])
  }
  await mkdir(join(base, 'etc', 'ssl', 'certs'), { recursive: true })
  const bundle = join('etc', 'ssl', 'certs', 'ca-certificates.crt')
  await cp(join(root, bundle), join(base, bundle))
  await writeFile(
    join(base, 'etc', 'passwd'),
    'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  )
  await writeFile(join(base, 'etc', 'group'), 'root:x:0:\nnonroot:x:65532:\n')
  await rm(join(base, 'usr', 'share', 'doc'), { recursive: true, force: true })
  await importRoot(base, BASE)
  await rm(archives, { recursive: true, force: true })
  await importRoot(root, DEBIAN)
}

async function makeNode(): Promise<void> {
  await build('node', `paystatus-local/node:${NODE_VERSION}`, async (context) => {
    // What this machine trusts: npm may be reached through a mirror with a certificate of its own.
    await cp('/etc/ssl/certs/ca-certificates.crt', join(context, 'ca-certificates.crt'))
    // What npm has fetched for this checkout already, so that building the image needs it no second time.
    const { output: npmCache } = await runCommand(['npm', 'config', 'get', 'cache'])
    await mkdir(join(context, 'npm-cache'))
    await cp(join(npmCache.trim(), '_cacache'), join(context, 'npm-cache', '_cacache'), { recursive: true })
    const packages = [`node@${NODE_VERSION}`, `npm@${NPM_VERSION}`]
    await runOrFail(['npm', 'install', '--prefix', context, '--no-save', '--ignore-scripts=false', ...packages])
  })
}

/** Builds an image of test/lab/stand-ins, of a context that `fill` adds to; not again when it is there. */
async function build(name: string, image: string, fill: (context: string) => Promise<void> = async () => {}) {
  if (await hasImage(image)) return
  console.log(`making ${image}`)
  const context = join(scratch, name)
  await cp(join(import.meta.dirname, name), context, { recursive: true })
  await fill(context)
  await runOrFail(['docker', 'build', '--quiet', '--build-arg', `DEBIAN=${DEBIAN}`, '--tag', image, context])
}

async function importRoot(root: string, image: string): Promise<void> {
  const tar = spawn('tar', ['--directory', root, '--numeric-owner', '--create', '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const docker = spawn(
    'docker',
    ['import', '--change', 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', '-', image],
    { stdio: [tar.stdout, 'ignore', 'inherit'] },
  )
  const [code] = await once(docker, 'close')
  if (code !== 0) throw new Error(`docker import of ${image} failed`)
}

async function hasImage(image: string): Promise<boolean> {
  return (await runCommand(['docker', 'image', 'inspect', image])).ok
}

async function runOrFail(command: readonly [string, ...string[]]): Promise<void> {
  const { ok, output } = await runCommand(command)
  if (!ok) throw new Error(`\`${command.join(' ')}\` failed:\n${output.slice(-3_000)}`)
}
