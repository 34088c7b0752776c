import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What Node alone can do: reads a body and answers 204. Prints its port. */
const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.statusCode = 204
    response.end()
  })
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
