import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The baseline: a bare Node server that reads a body and answers 204. Prints its port. */
const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.statusCode = 204
    response.end()
  })
})
// The gateway's value, so that both keep the same connections.
server.keepAliveTimeout = 75_000
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
