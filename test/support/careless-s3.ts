import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/**
 * A server that speaks as much of S3 as the store uses and ignores If-Match and If-None-Match, as some S3 servers do. No real part can be
 * asked to behave like that, hence this one.
 */
export async function carelessS3(): Promise<{ readonly endpoint: string; close(): Promise<void> }> {
  const objects = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    void answer(objects, request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(objects: Map<string, Buffer>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const [, , ...path] = url.pathname.split('/');
  const key = decodeURIComponent(path.join('/'));
  if (request.method === 'PUT') {
    const body = await buffer(request);
    objects.set(key, body);
    response.writeHead(200, { ETag: etagOf(body) }).end();
  } else if (request.method === 'DELETE') {
    objects.delete(key);
    response.writeHead(204).end();
  } else if (key === '') {
    response.writeHead(200, { 'Content-Type': 'application/xml' }).end(listing(objects, url.searchParams));
  } else {
    const body = objects.get(key);
    if (body === undefined) response.writeHead(404).end();
    else {
      response.writeHead(200, { ETag: etagOf(body), 'Content-Length': body.length });
      response.end(request.method === 'HEAD' ? undefined : body);
    }
  }
}

function listing(objects: ReadonlyMap<string, Buffer>, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  const isFolded = (key: string) => query.get('delimiter') === '/' && key.slice(prefix.length).includes('/');
  const contents = keys
    .filter((key) => !isFolded(key))
    .map((key) => `<Contents><Key>${key}</Key><Size>${objects.get(key)?.length ?? 0}</Size></Contents>`);
  const folders = new Set(keys.filter(isFolded).map((key) => key.slice(0, key.indexOf('/', prefix.length) + 1)));
  const common = [...folders].map((folder) => `<CommonPrefixes><Prefix>${folder}</Prefix></CommonPrefixes>`);
  return `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>${contents.join('')}${common.join('')}</ListBucketResult>`;
}

function etagOf(body: Buffer): string {
  return `"${createHash('md5').update(body).digest('hex')}"`;
}
