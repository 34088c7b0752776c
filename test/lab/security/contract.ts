import { checkContract } from '../harness/contract.ts'
import { envNumber } from '../harness/env-number.ts'
import { type Battery, withDeployment } from './battery.ts'

const REQUESTS_MIN = 2_000
/** Per operation; there are four, and coverage of the description adds some more to each. */
const EXAMPLES = envNumber('EXAMPLES', 500)

/** No 5xx, and no answer that the OpenAPI description does not list. */
export const contract: Battery = {
  name: 'contract',
  title: 'schemathesis generates requests from the OpenAPI description and checks the answers against it',
  run: (world) =>
    withDeployment(world, ['gateway'], {}, async (deployment, gateway) => {
      const seed = envNumber('SEED', Math.floor(Date.now() / 1_000))
      const run = await checkContract(deployment, gateway, { examplesPerOperation: EXAMPLES, seed })
      const requests = Object.values(run.codes).reduce((sum, count) => sum + count, 0)
      const serverErrors = Object.entries(run.codes).filter(([code]) => code.startsWith('5'))
      return {
        ran: `${requests} requests of schemathesis, seed ${run.seed}, ${run.seconds} s`,
        measured: {
          ...Object.fromEntries(Object.entries(run.codes).map(([code, count]) => [`answered ${code}`, count])),
          'not as described': run.failures.length,
        },
        findings: [
          ...run.failures,
          ...serverErrors.map(([code, count]) => `${count} answers ${code} with a healthy broker`),
          ...(requests < REQUESTS_MIN ? [`only ${requests} requests, fewer than ${REQUESTS_MIN}`] : []),
        ],
      }
    }),
}
