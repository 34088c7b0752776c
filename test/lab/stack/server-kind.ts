import { IMAGES, type ImageName, imageOf } from '../../../packages/testcontainers/src/images.ts'
import { runCommand } from './run-command.ts'

/** What the servers of a stack are: processes from packages, or containers. */
export type ServerKind = 'packages' | 'containers'

const KINDS: readonly string[] = ['packages', 'containers'] satisfies ServerKind[]
const PROBE_TIMEOUT_MS = 10_000

/**
 * What `STACK` says. Without it: containers when a Docker daemon answers and has the images of the servers already, so
 * that nothing waits for a download; else packages.
 */
export async function serverKind(env: NodeJS.ProcessEnv = process.env): Promise<ServerKind> {
  const { STACK: wanted } = env
  if (wanted && !KINDS.includes(wanted)) throw new Error(`STACK=${wanted}: must be ${KINDS.join(' or ')}, or not set`)
  if (wanted) return wanted as ServerKind
  return (await dockerHasImages(['kafka', 'redis', 'registry'], env)) ? 'containers' : 'packages'
}

/** True when a Docker daemon answers and has these images. */
async function dockerHasImages(names: readonly ImageName[], env: NodeJS.ProcessEnv): Promise<boolean> {
  const images = names.map((name) => imageOf(name, env))
  return (await runCommand(['docker', 'image', 'inspect', ...images], { timeoutMs: PROBE_TIMEOUT_MS })).ok
}

/** Why container tests cannot run here, in a sentence; undefined when they can. */
export async function whyNoContainers(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const daemon = await runCommand(['docker', 'version'], { timeoutMs: PROBE_TIMEOUT_MS })
  if (!daemon.ok) return 'no Docker daemon answers'
  const names = Object.keys(IMAGES) as ImageName[]
  if (await dockerHasImages(names, env)) return undefined
  return `Docker does not have all of ${names.map((name) => imageOf(name, env)).join(', ')} (make image, docker pull)`
}
