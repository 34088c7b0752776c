/** Host and port of a broker; an IPv6 address has no brackets. */
export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/** Splits `host:port` or `[IPv6]:port`. Throws for anything else; the configuration already rejects that. */
export function splitBrokerAddress(text: string): BrokerAddress {
  const { host, bracketed, port } = ADDRESS.exec(text)?.groups ?? {}
  const found = bracketed ?? host
  if (found === undefined || port === undefined) {
    throw new Error(`${text} is not a broker address`)
  }
  return { host: found, port: Number(port) }
}

const ADDRESS = /^(?:\[(?<bracketed>[^\]]+)\]|(?<host>[^\s:[\]]+)):(?<port>\d+)$/
