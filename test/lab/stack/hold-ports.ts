/** Reserves every free port of a range, prints them and holds them: for the test of reservations. */
import { reservePort } from './free-port.ts'

const [first, count] = process.argv.slice(2).map(Number) as [number, number]
const ports: number[] = []
while (ports.length < count) {
  const port = await reservePort(first, count).catch(() => undefined)
  if (port === undefined) break
  ports.push(port)
}
console.log(JSON.stringify(ports))
// Holds them until its input ends.
process.stdin.resume()
