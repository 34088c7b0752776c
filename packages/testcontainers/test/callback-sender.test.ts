import { expect, test } from 'vitest'
import { CallbackSender } from '../src/callback-sender.ts'
import { type Callback, jpmPayment } from '../src/callbacks.ts'

const payment = jpmPayment()
const [first, second, third] = [
  payment.callback('RECEIVED'),
  payment.callback('PENDING'),
  payment.callback('COMPLETED'),
]

function sender(accepts: (callback: Callback) => boolean = () => true) {
  const posted: Callback[] = []
  const made = new CallbackSender(async (callback) => {
    if (!accepts(callback)) {
      throw new Error('refused')
    }
    posted.push(callback)
  })
  return { made, posted }
}

test('repeats everything that was accepted, once, in the same order', async () => {
  const { made, posted } = sender((callback) => callback !== second)
  await made.send(first)
  await expect(made.send(second)).rejects.toThrow('refused')
  await made.send(third)
  expect(await made.repeatEverything()).toBe(2)
  expect(posted).toEqual([first, third, first, third])
  expect(await made.repeatEverything()).toBe(2)
})

test('sends callbacks out of order, the last one first', async () => {
  const { made, posted } = sender()
  await made.sendOutOfOrder([first, second, third])
  expect(posted).toEqual([third, second, first])
  expect(await made.repeatEverything()).toBe(3)
})
