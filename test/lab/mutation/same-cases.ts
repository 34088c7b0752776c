import fc from 'fast-check'

// Every mutant gets the same generated cases, so that the score does not depend on luck. Counterexamples are not shrunk:
// that takes longer than finding one.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_251_123, endOnFailure: true })
