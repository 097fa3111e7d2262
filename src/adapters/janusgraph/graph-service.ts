import type { driver } from 'gremlin';
import { FailedProblem, Problem, RefusedProblem, RetryableProblem } from '../../model/problem.ts';
import { rememberSecret } from '../../model/secrets.ts';
import type { GraphService } from '../../ports/graph-service.ts';
import { fromGraphson, parseExact, toGraphson, writeJson } from './graphson.ts';

export interface JanusgraphSettings {
  /** `ws://host:port/gremlin` of each server; the first that opens is used. */
  readonly urls: readonly [string, ...string[]];
  readonly username?: string;
  readonly password?: string;
  /** Milliseconds one script may take when it does not say, 30,000 by default. */
  readonly requestTimeoutMs?: number;
}

const mimeType = 'application/vnd.gremlin-v3.0+json';
const openTimeoutMs = 5000;
/**
 * How much longer than the server's own limit we wait, so that the server itself can report that the limit was reached.
 */
const graceMs = 2000;

/** JanusGraph through its Gremlin servers. Connects when first asked, and again after a server went away. */
export function openGraphService(settings: JanusgraphSettings): GraphService {
  const [url] = settings.urls;
  if (settings.password !== undefined) rememberSecret(settings.password);
  let opened: Promise<driver.Client> | undefined;

  async function client(): Promise<driver.Client> {
    const current = opened;
    if (current !== undefined) {
      const live = await current.catch(() => undefined);
      if (live?.isOpen === true) return live;
      if (opened === current) {
        opened = undefined;
        await live?.close().catch(() => undefined);
      }
    }
    opened ??= openFirst(settings);
    return opened;
  }

  return {
    url,
    async submit<Row>(
      script: string,
      bindings: Readonly<Record<string, unknown>> = {},
      options: { readonly timeoutMs?: number } = {},
    ) {
      const timeoutMs = options.timeoutMs ?? settings.requestTimeoutMs ?? 30_000;
      try {
        const session = await client();
        const answer = await within(
          timeoutMs + graceMs,
          session.submit(script, bindings, { evaluationTimeout: timeoutMs } as driver.RequestOptions),
        );
        return (answer as driver.ResultSet).toArray() as Row[];
      } catch (error) {
        throw asGraphProblem(error, url);
      }
    },
    async close() {
      const closing = opened;
      opened = undefined;
      const session = await closing?.catch(() => undefined);
      await session?.close();
    },
  };
}

async function openFirst(settings: JanusgraphSettings): Promise<driver.Client> {
  const { default: gremlin } = await import('gremlin');
  let last: unknown;
  for (const url of settings.urls) {
    const authenticator =
      settings.username === undefined
        ? {}
        : {
            authenticator: new gremlin.driver.auth.PlainTextSaslAuthenticator(
              settings.username,
              settings.password ?? '',
            ),
          };
    // If any header is given, the driver uses its own WebSocket library. It calls methods that Node's global WebSocket
    // lacks.
    const client = new gremlin.driver.Client(url, { mimeType, headers: {}, reader, writer, ...authenticator });
    // Without a listener, a connection that breaks while idle would cause an uncaught error event.
    client.addListener('socketError', () => undefined);
    try {
      await within(openTimeoutMs, client.open());
      return client;
    } catch (error) {
      last = error;
      await client.close().catch(() => undefined);
    }
  }
  throw last;
}

const reader = {
  readResponse(buffer: Buffer): unknown {
    const response = parseExact(buffer.toString()) as {
      requestId: string | null;
      status: { code: number; message: string; attributes: unknown };
      result: { data: unknown; meta: unknown };
    };
    const data = fromGraphson(response.result.data);
    return {
      requestId: response.requestId,
      status: { ...response.status, attributes: fromGraphson(response.status.attributes) },
      result: { data: data ?? [], meta: {} },
    };
  },
};

const writer = {
  writeRequest(request: { requestId: string; op: string; processor: string; args: Record<string, unknown> }): Buffer {
    const { bindings, ...args } = request.args;
    const given = Object.entries((bindings ?? {}) as Record<string, unknown>);
    return Buffer.from(
      writeJson({
        requestId: { '@type': 'g:UUID', '@value': request.requestId },
        op: request.op,
        processor: request.processor,
        args: { ...args, bindings: Object.fromEntries(given.map(([name, value]) => [name, toGraphson(value)])) },
      }),
    );
  },
};

class TimedOut extends Error {}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new TimedOut(`no answer in ${ms} ms`)), ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

// Status codes of the Gremlin server protocol.
const unauthorized = 401;
const timedOut = 598;
const serverStarting = 500;

function asGraphProblem(error: unknown, url: string): Problem {
  if (error instanceof Problem) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : undefined;
  if (code === unauthorized || code === 407) {
    return new RefusedProblem({
      code: 'graph-denied',
      happened: `JanusGraph at ${url} refused the login.`,
      state: 'Nothing was changed by this request.',
      next: "Check the user and password that the environment's configuration refers to.",
      cause: error,
    });
  }
  const lostDatabase =
    code === serverStarting && /TemporaryBackendException|Temporary failure in storage/.test(message);
  if (code === undefined || code === timedOut || lostDatabase) {
    return new RetryableProblem({
      code: 'graph-unreachable',
      happened: `JanusGraph at ${url} did not answer: ${brief(message) || 'the connection could not be opened'}.`,
      state: 'It is not known whether the script took effect. Every script of Cardea can safely be run again.',
      next: 'Check with `cardea status` whether the server is up. The step is tried again as often as its retry limit allows.',
      cause: error,
    });
  }
  return new FailedProblem({
    code: 'graph-script-failed',
    happened: `JanusGraph at ${url} could not run a script: ${brief(message)}.`,
    state: 'The script was rolled back.',
    next: "Read the whole error in the server's log.",
    cause: error,
  });
}

function brief(message: string): string {
  return message
    .replace(/^Server error: /, '')
    .replaceAll(/\s+/g, ' ')
    .replace(/\.$/, '')
    .slice(0, 500);
}
