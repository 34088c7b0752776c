import { get } from 'node:http'

/**
 * The health check of the image, which has neither a shell nor curl: queries this container's admin server and exits with 0
 * if it answers 200. A separate entry point, because it runs every few seconds and must not load the product.
 *
 * usage: healthcheck.js live | ready
 */
const TIMEOUT_MS = 4_000

const question = process.argv[2] === 'ready' ? 'ready' : 'live'
const port = process.env['PAYSTATUS_ADMIN_PORT'] || '9090'
const request = get({ host: '127.0.0.1', port, path: `/health/${question}`, timeout: TIMEOUT_MS }, (response) => {
  process.exitCode = response.statusCode === 200 ? 0 : 1
  // Docker keeps the latest outputs, which say what is not ready and why.
  response.pipe(process.stdout)
})
request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
request.on('error', (error) => {
  process.stdout.write(`http://127.0.0.1:${port}/health/${question}: ${error.message}\n`)
  process.exitCode = 1
})
