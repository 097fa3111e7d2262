import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { RetryableProblem } from '../../src/model/problem.ts';

/** One request to an API server: the answer's JSON. Throws RetryableProblem `kubernetes-api` when it is refused or fails. */
export type KubernetesApi = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => Promise<unknown>;

const document = z.object({
  clusters: z.tuple([
    z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': z.string() }) }),
  ]),
  users: z.tuple([
    z.object({ user: z.object({ 'client-certificate-data': z.string(), 'client-key-data': z.string() }) }),
  ]),
});

/** By a kubeconfig of the lab. */
export function openApi(kubeconfig: string): KubernetesApi {
  const { clusters, users } = document.parse(JSON.parse(readFileSync(kubeconfig, 'utf8')));
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  const decoded = (base64: string) => Buffer.from(base64, 'base64');
  const agent = new Agent({
    keepAlive: true,
    ca: decoded(cluster['certificate-authority-data']),
    cert: decoded(user['client-certificate-data']),
    key: decoded(user['client-key-data']),
  });
  return async (method, path, body) => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const headers = { accept: 'application/json', 'content-type': 'application/json' };
    const sent = request(new URL(path, cluster.server), { method, agent, headers, timeout: 10_000 }, (response) => {
      resolve(answerOf(response, `${method} ${path}`));
    });
    sent.on('timeout', () => sent.destroy(failed(`${method} ${path}: no answer in ten seconds`)));
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  };
}

async function answerOf(response: IncomingMessage, asked: string): Promise<unknown> {
  const answer = await text(response);
  const status = response.statusCode ?? 500;
  if (status >= 300) throw failed(`${asked}: ${status} ${answer.slice(0, 300)}`);
  return JSON.parse(answer);
}

function failed(happened: string): RetryableProblem {
  return new RetryableProblem({
    code: 'kubernetes-api',
    happened,
    state: 'What was done before was not undone.',
    next: 'Nothing to do: the request is tried again.',
  });
}
