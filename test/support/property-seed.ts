import * as fc from 'fast-check';

/**
 * Property tests take the same inputs in every run, so that a change is judged by what it changed. `npm run test:faults` runs them once more with
 * new inputs; the seed of a failure is in its message.
 */
if (process.env.CARDEA_NEW_INPUTS === undefined) fc.configureGlobal({ seed: 20_261_124 });
