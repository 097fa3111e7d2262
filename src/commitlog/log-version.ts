import { FailedProblem } from '../model/problem.ts';

/**
 * Formats of the commit log, as the file name and its header number them: 7 is that of Cassandra 4.x (and of 5.0, and of HCD's core on 5.0, in their
 * compatible modes), 8 that of Cassandra 5.0, 100 that of the core of HCD on 4.0. What the log holds is written alike in all of them.
 */
const readable: ReadonlySet<number> = new Set([7, 8, 100]);

/** Whether the core of HCD wrote it. */
export function isOfCore(version: number): boolean {
  return version === 100;
}

/** Why nobody here can read such a log, as a clause; undefined when it can be read. */
export function whyUnreadable({ version, encrypted }: LogForm): string | undefined {
  return whyVersion(version) ?? (encrypted ? 'Cassandra encrypts it, and Cardea has no key for it' : undefined);
}

interface LogForm {
  readonly version: number;
  readonly encrypted: boolean;
}

function whyVersion(version: number): string | undefined {
  if (readable.has(version)) return undefined;
  const maker = makerOfVersion(version);
  return `its format has the version ${version}${maker === undefined ? '' : ` (${maker})`}, and Cardea reads ${[...readable].slice(0, -1).join(', ')} and ${[...readable].at(-1)}`;
}

/** Before anything inside is read. Throws FailedProblem `log-version-unknown`. */
export function refuseVersion(version: number): void {
  const why = whyVersion(version);
  if (why === undefined) return;
  throw new FailedProblem({
    code: 'log-version-unknown',
    happened: `The commit log cannot be read: ${why}.`,
    state: 'The log was shipped unchanged; no part of it was cut or replayed.',
    next: 'Restore to a restore point, without the log. This version of Cardea cannot restore to an instant of such a log.',
  });
}

/** Whose format it is, for people; undefined of one that nobody has told of. */
export function makerOfVersion(version: number): string | undefined {
  return makers.get(version);
}

const makers: ReadonlyMap<number, string> = new Map([
  [7, 'Cassandra 4'],
  [8, 'Cassandra 5.0'],
  [100, 'the core of HCD on Cassandra 4.0'],
  [101, 'a later core of HCD on Cassandra 4.0'],
  [102, 'a later core of HCD on Cassandra 4.0'],
  [110, 'the core of HCD on Cassandra 5.0'],
  [111, 'the core of HCD on Cassandra 5.0'],
  [680, 'DSE 6.8'],
]);
