import { FailedProblem, Problem, RefusedProblem, RetryableProblem } from '../../model/problem.ts';
import { ConflictProblem } from '../../ports/object-store.ts';

/** The error of an S3 call. `status` is absent when no answer came. */
interface S3Error {
  readonly name: string;
  readonly code: string;
  readonly status: number | undefined;
  readonly attempts: number;
}

export function s3Error(thrown: unknown): S3Error {
  const metadata = property(thrown, '$metadata');
  const status = property(metadata, 'httpStatusCode');
  const attempts = property(metadata, 'attempts');
  const code = property(thrown, 'code');
  return {
    name: thrown instanceof Error ? thrown.name : 'unknown',
    code: typeof code === 'string' ? code : '',
    status: typeof status === 'number' ? status : undefined,
    attempts: typeof attempts === 'number' ? attempts : 1,
  };
}

/**
 * Our problem for a failed call. Only the error's name and status are quoted and no cause is kept: the server's answer
 * to a wrong signature repeats the access key and the signed headers. A mistake in the code, which no server has
 * answered, keeps its stack.
 */
export function s3Fault(thrown: unknown, store: string, key: string): Problem | ConflictProblem {
  if (thrown instanceof Problem || thrown instanceof ConflictProblem) return thrown;
  const error = s3Error(thrown);
  const label = error.code === '' || error.code === error.name ? error.name : `${error.name} ${error.code}`;
  if (isTlsFault(error.code)) return untrusted(store, error.code);
  if (error.name === 'NoSuchBucket') return noBucket(store);
  if (error.status === 401 || error.status === 403) return denied(store, key, label);
  if (error.status === 507 || /Quota|StorageFull/i.test(error.name)) return full(store, key, label);
  if (isOfTheMoment(error)) {
    return unreachable(store, label, error.status, isMistake(thrown, error) ? thrown : undefined);
  }
  return new FailedProblem({
    code: 'store-failed',
    happened: `${store} refused a request${key === '' ? '' : ` for ${key}`}: ${label} (HTTP ${error.status}).`,
    state: 'That request changed nothing; everything stored before is unchanged.',
    next: 'Check the bucket, region, encryption and checksum settings of this environment in cardea.config.ts.',
  });
}

/** Statuses below 500 that say: not now. */
const passing = new Set([408, 425, 429]);

/**
 * What some servers say with a status that alone would be final: 400 for a slow body, 409 for two calls at once, 200
 * for a failed completion.
 */
const passingNames =
  /^(InternalError|SlowDown|ServiceUnavailable|OperationAborted|ConditionalRequestConflict|BandwidthLimitExceeded|RequestLimitExceeded|RequestTimeout\w*|Throttl\w*|TooManyRequests\w*|TimeoutError)$/;

/** No answer, or one that says the same call may do well later. */
function isOfTheMoment({ status, name }: S3Error): boolean {
  return status === undefined || status >= 500 || passing.has(status) || passingNames.test(name);
}

function isMistake(thrown: unknown, { code, status }: S3Error): boolean {
  const mistaken = thrown instanceof TypeError || thrown instanceof RangeError || thrown instanceof ReferenceError;
  return mistaken && code === '' && status === undefined;
}

export function unreachable(store: string, why: string, status?: number, cause?: unknown): RetryableProblem {
  return new RetryableProblem({
    code: 'store-unreachable',
    happened: `${store} does not answer: ${why}${status === undefined ? '' : ` (HTTP ${status})`}.`,
    state: 'It is not known whether the last write arrived; writing it again is safe.',
    next: 'Check the endpoint, the network and the S3 server, then try again.',
    cause,
  });
}

function denied(store: string, key: string, label: string): RefusedProblem {
  return new RefusedProblem({
    code: 'store-denied',
    happened: `${store} denied access${key === '' ? '' : ` to ${key}`}: ${label}.`,
    state: 'Nothing was written.',
    next: 'Check the access key and its policy: it needs GetObject, PutObject, DeleteObject, AbortMultipartUpload and ListBucket on this bucket.',
  });
}

function noBucket(store: string): RefusedProblem {
  return new RefusedProblem({
    code: 'store-missing',
    happened: `The bucket of ${store} does not exist.`,
    state: 'Nothing was written.',
    next: 'Create the bucket, or correct its name and region in cardea.config.ts.',
  });
}

function full(store: string, key: string, label: string): FailedProblem {
  return new FailedProblem({
    code: 'store-full',
    happened: `${store} has no space left${key === '' ? '' : ` for ${key}`}: ${label}.`,
    state: 'No part of this object was kept; everything else in the bucket is unchanged.',
    next: 'Free space or raise the quota, then try again.',
  });
}

function untrusted(store: string, code: string): RefusedProblem {
  return new RefusedProblem({
    code: 'store-untrusted',
    happened: `The TLS certificate of ${store} is not trusted: ${code}.`,
    state: 'Nothing was sent.',
    next: 'Install the certificate authority on this machine and name its file in NODE_EXTRA_CA_CERTS. Verification cannot be switched off.',
  });
}

function isTlsFault(code: string): boolean {
  return code !== 'ERR_TLS_HANDSHAKE_TIMEOUT' && /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ERR_TLS/.test(code);
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
