import fc from 'fast-check'

// The same generated cases for every mutant, so that the score does not depend on luck; and a mutant that is found needs
// no smaller counterexample, which takes longer than finding it.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_251_123, endOnFailure: true })
