import { tokenSource } from '../client-security/bearer-token.ts'
import type { KafkaConnection } from '../client-security/connections.ts'
import { bearerLogin, plainLogin, type SaslLogin, scramLogin } from './client/sasl.ts'

/** The login of a configuration; empty if it has none. Passwords and tokens are read again for every login. */
export function loginOf({ sasl }: Pick<KafkaConnection, 'sasl'>): {
  readonly login?: () => Promise<SaslLogin>
  readonly who?: string
} {
  if (sasl === undefined) {
    return {}
  }
  if (sasl.mechanism === 'OAUTHBEARER') {
    const token = tokenSource(sasl.token, Date.now)
    return { login: async () => bearerLogin(await token()), who: sasl.mechanism }
  }
  const { mechanism, username, password } = sasl
  const login = async () =>
    mechanism === 'PLAIN' ? plainLogin(username, password()) : scramLogin(mechanism, username, password())
  return { login, who: `${mechanism} as ${username}` }
}
