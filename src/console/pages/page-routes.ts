import type { ConsoleAccess } from '../access/console-access.ts'
import type { Route } from '../route.ts'
import type { ConsoleWorld } from '../world.ts'

/** Every page of the console. */
export function pageRoutes(_world: ConsoleWorld, _access: ConsoleAccess): readonly Route[] {
  return []
}
