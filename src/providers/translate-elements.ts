import type { PaymentEvent } from '../payment/payment-event.ts'
import type { DriftNote, DriftNotes } from './drift.ts'
import type { FieldProblem } from './fields.ts'
import { isJsonObject, type JsonObject } from './json-object.ts'
import type { Callback, DeadLetter, DeadLetterReason, Translation } from './provider.ts'

/** What one element of a callback becomes. */
export type ElementOutcome = PaymentEvent | DeadLetter

/**
 * Translates the elements of a callback one by one. A bad element becomes its own dead letter and its siblings go on.
 *
 * Guarantee: every element ends as exactly one event or one dead letter (invariant I2), also if `translateElement`
 * throws. A callback without elements says nothing: it is set aside, as one part.
 */
export function translateElements(
  elements: readonly unknown[],
  drift: DriftNotes,
  translateElement: (element: JsonObject, index: number) => ElementOutcome,
): Translation {
  if (elements.length === 0) {
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

/** Turns a translation that can fail into one that cannot: whatever is thrown becomes a dead letter for the callback. */
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

/** A name that decides stands twice with different values. */
export function ambiguous(name: string, element: number | null): DeadLetter {
  return deadLetter('ambiguous', `${name} is there twice, with different values`, element)
}

/** A field that decides cannot be read. `name` is what the message calls it. */
export function unreadableField(problem: FieldProblem, element: number, name = problem.field): DeadLetter {
  return deadLetter(problem.reason, `${name} ${problem.what}`, element)
}

export function deadLetter(reason: DeadLetterReason, message: string, element: number | null): DeadLetter {
  return { reason, message, element }
}

/** Names the class of the error only: its message may quote the body. */
function internalError(error: unknown, element: number | null): DeadLetter {
  const name = error instanceof Error ? error.constructor.name : typeof error
  return deadLetter('internal-error', `the adapter failed with ${name}`, element)
}
