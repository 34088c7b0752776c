import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { assertReachable } from '../../../src/tools/simulate/assert-reachable.ts'

test('a gateway that accepts connections is reachable; a port on which nothing listens is an error that names it', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  await expect(assertReachable(url)).resolves.toBeUndefined()
  await new Promise((resolve) => server.close(resolve))
  await expect(assertReachable(url)).rejects.toThrow(`${url} cannot be reached: connect ECONNREFUSED`)
})
