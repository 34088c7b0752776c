import { addressSet, liveAddressSet } from '../config/address-set.ts'
import { LiveFiles } from '../config/live-files.ts'
import { liveTokenList } from '../config/token-list.ts'
import { ConsoleAccess } from '../console/access/console-access.ts'
import { OidcSignIn } from '../console/access/oidc-sign-in.ts'
import { apiRoutes } from '../console/api/api-routes.ts'
import { Assets } from '../console/assets.ts'
import { ConsoleServer } from '../console/console-server.ts'
import { pageRoutes } from '../console/pages/page-routes.ts'
import { systemUser } from '../system-user.ts'
import { VERSION } from '../version.ts'
import { RealWorld } from './console-world.ts'
import type { RunningStage, StageContext } from './stage-context.ts'

/** Read again when they change: tokens, and the addresses of proxies. */
const FILES_CHECK_MS = 5_000

export async function startConsole(context: StageContext): Promise<RunningStage> {
  const { config, logger } = context
  const settings = config.console
  const files = new LiveFiles(logger, FILES_CHECK_MS)
  const world = new RealWorld(context)
  const access = new ConsoleAccess({ signIn: signInOf(context, files), localName: systemUser(), now: Date.now })
  const assets = Assets.read()
  const server = new ConsoleServer({
    ...settings,
    environment: config.environment,
    routes: [...apiRoutes(world, VERSION), ...pageRoutes(world, access)],
    access,
    assets,
    logger,
    clock: () => performance.now(),
  })
  const { host, port } = await server.start()
  files.start()
  world.start()
  return {
    url: `http://${host}:${port}`,
    stop: async () => {
      files.stop()
      await server.stop()
      await world.stop()
    },
  }
}

function signInOf(
  { config, logger }: StageContext,
  files: LiveFiles,
): ConstructorParameters<typeof ConsoleAccess>[0]['signIn'] {
  const { signIn, publicUrl } = config.console
  if (signIn === null) {
    return null
  }
  const { tokens, proxy, oidc } = signIn
  return {
    tokens: tokens === null ? null : liveTokenList(files, 'console.signIn.tokens', tokens),
    proxy:
      proxy === null
        ? null
        : {
            ...proxy,
            addresses: liveAddressSet(files, 'console.signIn.proxy.addresses', proxy.addresses, addressSet([])),
          },
    oidc:
      oidc === null
        ? null
        : new OidcSignIn({ ...oidc, publicUrl: publicUrl ?? '', now: () => performance.now(), logger }),
  }
}
