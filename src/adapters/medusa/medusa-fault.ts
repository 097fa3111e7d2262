import { FailedProblem, type Problem, RetryableProblem } from '../../model/problem.ts';

/** What a line of Medusa's log tells about why it failed. */
type Cause = 'disk-full' | 'store-full' | 'store-denied' | 'backup-missing' | 'manifest-damaged' | 'store-unreachable';

/** In this order within a line. The texts are those of boto, Python and Medusa 0.31. */
const signs: ReadonlyArray<readonly [Cause, RegExp]> = [
  ['disk-full', /\[Errno 28\]|No space left on device|Not enough space available|does not have enough space/],
  ['store-full', /\((507|QuotaExceeded|InsufficientStorage|XMinioStorageFull)\)|\[Errno 122\]|Disk quota exceeded/],
  [
    'store-denied',
    /\((401|403|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|AllAccessDisabled|Forbidden)\)|\[Errno 13\]|\[Errno 1\]|PermissionError|NoCredentialsError|Unable to locate credentials/,
  ],
  ['backup-missing', /No such backup|\(NoSuchBucket\)|\(NoSuchKey\)/],
  ['manifest-damaged', /JSONDecodeError|manifest.*(corrupt|invalid)/i],
  [
    'store-unreachable',
    /\((408|429|500|502|503|504|SlowDown|ServiceUnavailable|InternalError|RequestTimeout|RequestTimeoutException|Throttling\w*|TooManyRequests\w*|BandwidthLimitExceeded|OperationAborted)\)|EndpointConnectionError|ConnectTimeoutError|ReadTimeoutError|ConnectionClosedError|ConnectionError|ConnectionResetError|ConnectionRefusedError|BrokenPipeError|IncompleteRead|ResponseStreamingError|ProtocolError|ProxyConnectionError|Could not connect to the endpoint|Connection was closed before|Connect timeout on endpoint|Read timeout on endpoint|Connection (reset|refused|aborted)|timed out|Remote end closed connection|Temporary failure in name resolution|Name or service not known|\[Errno (104|110|111|113|116)\]/,
  ],
];

/**
 * A file of the store that is not there: of a directory that is not mounted for a moment, Medusa says no more, also that there is no such backup.
 * Not while it stores: then the file is one of the snapshot.
 */
const absent = /\[Errno 2\]|FileNotFoundError|ObjectDoesNotExist/;

/** Every code that `medusaFault` can give. */
export const medusaCodes: readonly string[] = ['medusa-failed', ...signs.map(([cause]) => `medusa-${cause}`)];

/**
 * Pure: the problem that a failed Medusa means. `command` is its subcommand, `how` its exit code or signal, `lines` the
 * end of its log and `errors` the last lines of it that tell of an error, which a long traceback may have pushed out of
 * `lines`. The newest line that says a cause decides: what Medusa met earlier it tried again itself. RetryableProblem
 * `medusa-store-unreachable` when the store was away or busy, or lacked a file of a download, for which nobody asks
 * before it was seen there; FailedProblem `medusa-` and the cause otherwise, `medusa-failed` when its log names none.
 */
export function medusaFault(failure: {
  readonly command: string;
  readonly how: string;
  readonly lines: readonly string[];
  readonly errors: readonly string[];
}): Problem {
  const { command, how, lines, errors } = failure;
  const found = causeOf(lines) ?? causeOf(errors);
  const said =
    found?.line ?? lines.findLast((line) => absent.test(line)) ?? errors.at(-1) ?? lines.at(-1) ?? 'it said nothing';
  const text = {
    happened: `Medusa's ${command} failed (${how}): ${said.trim()}`,
    state: 'What it had stored before is in the store; the same step removes or reuses it when it runs again.',
    details: lines,
  };
  const lacking =
    found === undefined && command === 'download' && [...lines, ...errors].some((line) => absent.test(line));
  if (found?.cause === 'store-unreachable' || lacking) {
    return new RetryableProblem({
      code: 'medusa-store-unreachable',
      ...text,
      next: lacking
        ? 'Check that the directory of the store is there and holds that file, then try again.'
        : 'Check the S3 server or the disk of the store and the network, then try again.',
    });
  }
  return new FailedProblem({
    code: found === undefined ? 'medusa-failed' : `medusa-${found.cause}`,
    ...text,
    next: nextOf(found?.cause),
  });
}

function causeOf(lines: readonly string[]): { readonly cause: Cause; readonly line: string } | undefined {
  for (const line of lines.toReversed()) {
    const sign = signs.find(([, pattern]) => pattern.test(line));
    if (sign !== undefined) return { cause: sign[0], line };
  }
  return undefined;
}

function nextOf(cause: Exclude<Cause, 'store-unreachable'> | undefined): string {
  switch (cause) {
    case 'disk-full':
      return 'Free space on the disk of this node (`cardea doctor` shows it), then try again.';
    case 'store-full':
      return 'Free space in the store or raise its quota, then try again.';
    case 'store-denied':
      return "Check the agent's access key, its policy and the rights on the store's directory, then try again.";
    case 'backup-missing':
      return 'Look for who removed it (`cardea audit`); choose another point, see `cardea points`.';
    case 'manifest-damaged':
      return 'Do not rely on this point: choose another one, see `cardea points`, and take a new backup with `--mode full`.';
    case undefined:
      return 'Read the end of its log below, mend the cause, and try again.';
  }
}
