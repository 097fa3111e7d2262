import { FailedProblem, Problem, RefusedProblem, RetryableProblem } from '../../model/problem.ts';

/** Names of the driver's own errors for a node that cannot be reached or did not answer in time. */
const connectionErrors = [
  'NoHostAvailableError',
  'OperationTimedOutError',
  'BusyConnectionError',
  'DriverInternalError',
];

// Error codes of the CQL protocol, version 4, section 9, that pass by themselves: unavailable, overloaded, bootstrapping, write and read timeouts and failures.
const passingCodes = new Set([0x1000, 0x1001, 0x1002, 0x1100, 0x1200, 0x1300, 0x1500]);
const badCredentials = 0x0100;
const unauthorized = 0x2100;

export function unreachable(where: string, cause?: unknown): RetryableProblem {
  return new RetryableProblem({
    code: 'database-unreachable',
    happened: `No Cassandra node answered at ${where}${cause instanceof Error ? ` (${firstLine(cause)})` : ''}.`,
    state: 'Nothing was changed by this request.',
    next: 'Check with `cardea status` whether the nodes are up. The step is tried again as often as its retry limit allows.',
    cause,
  });
}

export function asDatabaseProblem(error: unknown, where: string): Problem {
  if (error instanceof Problem) return error;
  if (!(error instanceof Error)) return unreachable(where, error);
  const code = 'code' in error && typeof error.code === 'number' ? error.code : undefined;
  if (isDenied(error, code)) {
    return new RefusedProblem({
      code: 'database-denied',
      happened: `Cassandra at ${where} refused the login or a permission: ${firstLine(error)}.`,
      state: 'Nothing was changed by this request.',
      next: "Check the user and password that the environment's configuration refers to, and the role's permissions.",
      cause: error,
    });
  }
  if (connectionErrors.includes(error.name) || isSocketError(error) || (code !== undefined && passingCodes.has(code))) {
    return unreachable(where, error);
  }
  return new FailedProblem({
    code: 'database-query-failed',
    happened: `Cassandra at ${where} could not run a query: ${firstLine(error)}.`,
    state: 'The query changed nothing.',
    next: 'Check that the keyspace and its tables exist and that this Cassandra version is supported.',
    cause: error,
  });
}

function isDenied(error: Error, code: number | undefined): boolean {
  if (error.name === 'AuthenticationError' || code === badCredentials || code === unauthorized) return true;
  // If every node refuses the login, the driver reports the refusals inside "no host available".
  const inner = 'innerErrors' in error ? Object.values(error.innerErrors as Record<string, unknown>) : [];
  return inner.length > 0 && inner.every((one) => one instanceof Error && one.name === 'AuthenticationError');
}

function isSocketError(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string' && /^E[A-Z]+$/.test(error.code);
}

function firstLine(error: Error): string {
  const line = error.message.split('\n')[0] ?? '';
  return line.replace(/\.$/, '').slice(0, 300);
}
