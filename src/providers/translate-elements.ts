import type { PaymentEvent } from '../payment/payment-event.ts'
import type { DriftNote, DriftNotes } from './drift.ts'
import type { FieldProblem } from './fields.ts'
import { isJsonObject, type JsonObject } from './json-object.ts'
import type { Callback, DeadLetter, DeadLetterReason, Translation } from './provider.ts'

/** The result for one element of a callback. */
export type ElementOutcome = PaymentEvent | DeadLetter

/**
 * Translates the elements of a callback one by one. A bad element becomes a dead letter and does not affect its siblings.
 *
 * Guarantee: every element becomes exactly one event or one dead letter (invariant I2), even if `translateElement` throws.
 * A callback without elements is set aside, as one part, unless it has something else that is not read: `unread`, its dead
 * letter.
 */
export function translateElements(
  elements: readonly unknown[],
  drift: DriftNotes,
  unread: DeadLetter | null,
  translateElement: (element: JsonObject, index: number) => ElementOutcome,
): Translation {
  if (elements.length === 0 && unread === null) {
    return { events: [], deadLetters: [], setAside: 1, drift: drift.list }
  }
  const events: PaymentEvent[] = []
  const deadLetters: DeadLetter[] = []
  for (let index = 0; index < elements.length; index += 1) {
    const outcome = outcomeOf(elements[index], index, translateElement)
    if ('eventId' in outcome) {
      events.push(outcome)
    } else {
      deadLetters.push(outcome)
    }
  }
  if (unread !== null) {
    deadLetters.push(unread)
  }
  return { events, deadLetters, setAside: 0, drift: drift.list }
}

function outcomeOf(
  element: unknown,
  index: number,
  translateElement: (element: JsonObject, index: number) => ElementOutcome,
): ElementOutcome {
  if (!isJsonObject(element)) {
    return deadLetter('element-not-an-object', 'the element is not an object', index)
  }
  try {
    return translateElement(element, index)
  } catch (error) {
    return internalError(error, index)
  }
}

/** Wraps a translation so that anything it throws becomes a dead letter for the callback. */
export function neverThrowing(translate: (callback: Callback) => Translation): (callback: Callback) => Translation {
  return (callback) => {
    try {
      return translate(callback)
    } catch (error) {
      return onlyDeadLetter(internalError(error, null))
    }
  }
}

export function onlyDeadLetter(letter: DeadLetter, drift: readonly DriftNote[] = []): Translation {
  return { events: [], deadLetters: [letter], setAside: 0, drift }
}

/** A deciding name appears twice with different values. */
export function ambiguous(name: string, element: number | null): DeadLetter {
  return deadLetter('ambiguous', `${name} appears twice with different values`, element)
}

/** A deciding field cannot be read. `name` is its name in the message. */
export function unreadableField(problem: FieldProblem, element: number, name = problem.field): DeadLetter {
  return deadLetter(problem.reason, `${name} ${problem.what}`, element)
}

export function deadLetter(reason: DeadLetterReason, message: string, element: number | null): DeadLetter {
  return { reason, message, element }
}

/** Names only the class of the error, because its message may quote the body. */
function internalError(error: unknown, element: number | null): DeadLetter {
  const name = error instanceof Error ? error.constructor.name : typeof error
  return deadLetter('internal-error', `the adapter failed with ${name}`, element)
}
