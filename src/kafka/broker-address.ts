/** Host and port of a broker as kafkajs has them: an IPv6 address without its brackets. */
export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/** Splits `host:port` or `[IPv6]:port`. Throws if it is neither; the configuration lets no such one through. */
export function splitBrokerAddress(text: string): BrokerAddress {
  const { host, bracketed, port } = ADDRESS.exec(text)?.groups ?? {}
  const found = bracketed ?? host
  if (found === undefined || port === undefined) {
    throw new Error(`${text} is no address of a broker`)
  }
  return { host: found, port: Number(port) }
}

const ADDRESS = /^(?:\[(?<bracketed>[^\]]+)\]|(?<host>[^\s:[\]]+)):(?<port>\d+)$/
