import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { plantedAt, plantedFault } from '../../../test/support/planted-fault.ts';
import { faultTrace } from '../../model/fault-trace.ts';
import { ConflictProblem } from '../../ports/object-store.ts';
import type { S3Location } from './s3-client.ts';
import { S3Store } from './s3-store.ts';

/** What the S3 server of a test answers to a request that has come in whole. */
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let requests: IncomingMessage[];
let server: Server;
let folder: string;
let location: S3Location;
let store: S3Store;

beforeEach(async () => {
  requests = [];
  answer = (_, response) => response.writeHead(200, { etag: '"e"' }).end();
  server = createServer((request, response) => {
    requests.push(request);
    request.resume().on('end', () => answer(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  folder = await mkdtemp(join(tmpdir(), 'cardea-s3-unit-'));
  const credentialsFile = join(folder, 'credentials');
  await writeFile(
    credentialsFile,
    '[other]\naws_access_key_id = no\n[default]\naws_access_key_id=KEYID\n# aws_secret_access_key=old\naws_secret_access_key = hush=hush\n',
  );
  location = {
    kind: 's3',
    bucket: 'backups',
    endpoint: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    region: 'eu-west-3',
    credentialsFile,
    encryption: 'AES256',
    checksums: 'when-required',
  };
  store = new S3Store(location, { attempts: 2 });
});
afterEach(async () => {
  await store.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

describe('requests', () => {
  test('B4: every write asks for the encryption of the configuration, a part at a time too', async () => {
    answer = (request, response) =>
      request.url?.includes('uploads') === true
        ? xml(response, 200, '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>')
        : request.method === 'POST'
          ? xml(response, 200, '<CompleteMultipartUploadResult><ETag>"m"</ETag></CompleteMultipartUploadResult>')
          : response.writeHead(200, { etag: '"e"' }).end();
    await store.put('a', 'x');
    await store.putStream('small', chunks(1));
    await store.putStream('large', chunks(40));
    const encrypted = requests.filter((request) => request.headers['x-amz-server-side-encryption'] === 'AES256');
    expect(encrypted.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'PUT /backups/a?x-id=PutObject',
      'PUT /backups/small?x-id=PutObject',
      'POST /backups/large?uploads=',
    ]);
  });

  test('encryption "none" and "aws:kms" are sent as they are configured', async () => {
    for (const encryption of ['none', 'aws:kms'] as const) {
      const other = new S3Store({ ...location, encryption });
      await other.put('a', 'x');
      await other.close();
    }
    expect(requests.map((request) => request.headers['x-amz-server-side-encryption'])).toEqual([undefined, 'aws:kms']);
  });

  test('conditions travel as If-None-Match and If-Match', async () => {
    await store.put('a', 'x', { ifAbsent: true });
    await store.put('a', 'x', { ifMatch: '"e"' });
    expect(requests.map(({ headers }) => [headers['if-none-match'], headers['if-match']])).toEqual([
      ['*', undefined],
      [undefined, '"e"'],
    ]);
  });

  test('checksums are sent only when they are required, unless the configuration wants them', async () => {
    await store.put('a', 'x');
    const other = new S3Store({ ...location, checksums: 'when-supported' });
    await other.put('a', 'x');
    await other.close();
    expect(requests.map(({ headers }) => headers['x-amz-checksum-crc32'] === undefined)).toEqual([true, false]);
  });

  test('F1: only the profile "default" is used, and neither key nor secret stands in a description', async () => {
    await store.put('a', 'x');
    expect(requests[0]?.headers.authorization).toContain('Credential=KEYID/');
    expect(requests[0]?.headers.authorization).toContain('/eu-west-3/s3/');
    expect(store.description).toBe(`s3://backups at ${new URL(location.endpoint ?? '').host}`);
  });
});

describe('conflicts', () => {
  test.each([
    [412, 'PreconditionFailed'],
    [404, 'NoSuchKey'],
  ])('HTTP %i to a conditional put is a lost race', async (status, code) => {
    answer = (_, response) => fail(response, status, code);
    await expect(store.put('a', 'x', { ifMatch: '"e"' })).rejects.toBeInstanceOf(ConflictProblem);
    expect(requests).toHaveLength(1);
  });

  test('HTTP 409, two writers at once, is tried again', async () => {
    answer = (_, response) =>
      requests.length === 1
        ? fail(response, 409, 'ConditionalRequestConflict')
        : response.writeHead(200, { etag: '"e"' }).end();
    expect((await store.put('a', 'x', { ifAbsent: true })).etag).toBe('"e"');
    expect(requests).toHaveLength(2);
  });

  test('a put whose answer got lost and that was sent again has won when its content is stored', async () => {
    answer = (request, response) => {
      if (request.method === 'GET') response.writeHead(200, { etag: '"e"' }).end('x');
      else if (requests.length === 1) request.socket.destroy();
      else fail(response, 412, 'PreconditionFailed');
    };
    expect((await store.put('a', 'x', { ifAbsent: true })).etag).toBe('"e"');
  });

  test('a put that was sent again has lost when other content is stored', async () => {
    answer = (request, response) => {
      if (request.method === 'GET') response.writeHead(200, { etag: '"e"' }).end('y');
      else if (requests.length === 1) request.socket.destroy();
      else fail(response, 412, 'PreconditionFailed');
    };
    await expect(store.put('a', 'x', { ifAbsent: true })).rejects.toBeInstanceOf(ConflictProblem);
  });
});

describe('faults', () => {
  test.each([
    [403, 'SignatureDoesNotMatch', 'refused', 'store-denied'],
    [403, 'AccessDenied', 'refused', 'store-denied'],
    [404, 'NoSuchBucket', 'refused', 'store-missing'],
    [400, 'InvalidRequest', 'failed', 'store-failed'],
    [507, 'InsufficientStorage', 'failed', 'store-full'],
    [503, 'SlowDown', 'retryable', 'store-unreachable'],
    [500, 'InternalError', 'retryable', 'store-unreachable'],
  ])('HTTP %i %s is %s: %s, and quotes nothing of the server’s text', async (status, code, kind, expected) => {
    answer = (_, response) => fail(response, status, code, 'AKIA and the string to sign');
    const calls = [
      () => store.put('a', 'x'),
      () => store.get('a'),
      () => store.putStream('a', chunks(1)),
      () => Array.fromAsync(store.list('')),
    ];
    for (const call of calls) {
      const problem = await call().catch((thrown: unknown) => thrown);
      expect(problem).toMatchObject({ kind, code: expected });
      expect(JSON.stringify(problem)).not.toContain('AKIA');
    }
  });

  test('a mistake in the code below a call keeps its stack', async () => {
    const body = async function* (): AsyncIterable<Uint8Array> {
      yield Buffer.alloc(plantedFault());
    };
    const problem = await store.putStream('a', body()).catch((thrown: unknown) => thrown);
    expect(faultTrace(problem).join('\n')).toContain(plantedAt);
  });

  test('a server that refuses the connection is unreachable at once', async () => {
    await new Promise((resolve) => server.close(resolve));
    await expect(store.head('a')).rejects.toMatchObject({ kind: 'retryable', code: 'store-unreachable' });
    await expect(store.putStream('a', chunks(1))).rejects.toMatchObject({ code: 'store-unreachable' });
  });

  test('a server that never answers is unreachable when the time for a call is over', async () => {
    answer = () => undefined;
    const impatient = new S3Store(location, { silenceMs: 200 });
    const problem = { kind: 'retryable', code: 'store-unreachable' };
    await expect(impatient.get('a')).rejects.toMatchObject(problem);
    await expect(impatient.put('a', 'x')).rejects.toMatchObject(problem);
    await expect(Array.fromAsync(impatient.list(''))).rejects.toMatchObject(problem);
    await impatient.close();
  });

  test('a body that breaks off is no object', async () => {
    answer = (request, response) => {
      response.writeHead(200, { etag: '"e"', 'content-length': '100' });
      response.write('half', () => request.socket.destroy());
    };
    await expect(store.get('a')).rejects.toMatchObject({ kind: 'retryable', code: 'store-unreachable' });
    await expect(store.getStream('a').then((body) => Array.fromAsync(body))).rejects.toMatchObject({
      kind: 'retryable',
    });
  });

  test('a body that stands still is given up; one that only trickles is not, however long it takes', async () => {
    const patient = new S3Store(location, { silenceMs: 500 });
    answer = (_, response) => {
      response.writeHead(200, { etag: '"e"', 'content-length': '8' });
      let sent = 0;
      const trickle = setInterval(() => {
        sent += 1;
        response.write('x');
        if (sent < 8) return;
        clearInterval(trickle);
        response.end();
      }, 100);
    };
    expect((await patient.get('a'))?.bytes).toBe(8);
    answer = (_, response) => {
      response.writeHead(200, { etag: '"e"', 'content-length': '100' });
      response.write('half');
    };
    const problem = { kind: 'retryable', happened: expect.stringContaining('no byte in 0.5 seconds') };
    await expect(patient.get('a')).rejects.toMatchObject(problem);
    await expect(patient.getStream('a').then((body) => Array.fromAsync(body))).rejects.toMatchObject(problem);
    await patient.close();
  });

  test('a whole object may take the longer, the larger it is', async () => {
    const impatient = new S3Store(location, { silenceMs: 200 });
    answer = (_, response) => void setTimeout(() => response.writeHead(200, { etag: '"e"' }).end(), 600);
    await expect(impatient.put('small', 'x')).rejects.toMatchObject({ code: 'store-unreachable' });
    expect((await impatient.put('large', Buffer.alloc(1024 * 1024))).bytes).toBe(1024 * 1024);
    await impatient.close();
  });

  test.each([
    [503, 'SlowDown', 2],
    [500, 'InternalError', 3],
    [429, 'TooManyRequests', 2],
  ])('HTTP %i %s is asked again, more than once', async (status, code, times) => {
    const patient = new S3Store(location);
    answer = (_, response) =>
      requests.length <= times ? fail(response, status, code) : response.writeHead(200, { etag: '"e"' }).end('x');
    expect((await patient.get('a'))?.bytes).toBe(1);
    expect(requests).toHaveLength(times + 1);
    await patient.close();
  });

  test.each([
    [400, 'RequestTimeout', 'retryable'],
    [408, 'RequestTimeout', 'retryable'],
    [409, 'OperationAborted', 'retryable'],
    [400, 'EntityTooLarge', 'failed'],
  ])('HTTP %i %s: whether it is tried again is the code’s to say', async (status, code, kind) => {
    answer = (_, response) => fail(response, status, code);
    await expect(store.put('a', 'x')).rejects.toMatchObject({ kind });
  });

  test('keys that are rotated in their file are used from the next call on; a file that is just being replaced changes nothing', async () => {
    const keysOf = () => requests.map(({ headers }) => /Credential=(\w+)\//.exec(headers.authorization ?? '')?.[1]);
    const write = async (text: string) => writeFile(location.credentialsFile, text);
    await store.head('a');
    await write('[default]\naws_access_key_id = ROTATED\naws_secret_access_key = hush\n');
    await store.head('a');
    await write('[default]\naws_access_');
    await store.head('a');
    await rm(location.credentialsFile);
    await store.head('a');
    await write('[default]\naws_access_key_id = NEWEST\naws_secret_access_key = hush\n');
    await store.head('a');
    expect(keysOf()).toEqual(['KEYID', 'ROTATED', 'ROTATED', 'ROTATED', 'NEWEST']);
  });

  test.each([
    ['no file', undefined],
    ['no secret', '[default]\naws_access_key_id = KEYID\n'],
  ])('credentials with %s are refused, quoting nothing', async (_, text) => {
    const credentialsFile = join(folder, 'other');
    if (text !== undefined) await writeFile(credentialsFile, text);
    const problem = await new S3Store({ ...location, credentialsFile }).get('a').catch((thrown: unknown) => thrown);
    expect(problem).toMatchObject({ kind: 'refused', code: 'store-credentials' });
    expect(JSON.stringify(problem)).not.toContain('KEYID');
  });
});

test('a list follows every page and starts after the key', async () => {
  answer = (request, response) => {
    const second = request.url?.includes('continuation-token=t') === true;
    xml(
      response,
      200,
      `<ListBucketResult>${entry(second ? 'b' : 'a')}${second ? '' : '<NextContinuationToken>t</NextContinuationToken>'}</ListBucketResult>`,
    );
  };
  const listed = await Array.fromAsync(store.list('', { after: '0' }));
  expect(listed.map(({ key, etag, bytes }) => ({ key, etag, bytes }))).toEqual([
    { key: 'a', etag: '"e"', bytes: 3 },
    { key: 'b', etag: '"e"', bytes: 3 },
  ]);
  expect(requests.every(({ url }) => url?.includes('start-after=0'))).toBe(true);
});

function entry(key: string): string {
  return `<Contents><Key>${key}</Key><ETag>"e"</ETag><Size>3</Size><LastModified>2026-02-19T02:00:00.000Z</LastModified></Contents>`;
}

function fail(response: ServerResponse, status: number, code: string, message = 'no'): void {
  xml(response, status, `<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

function xml(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${body}`);
}

async function* chunks(count: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < count; at += 1) yield Buffer.alloc(1024 * 1024);
}

describe('what the bucket keeps of what is replaced or deleted', () => {
  const asked = (versioning: string, lock: string, lifecycle: string) => {
    answer = (request, response) => {
      const url = request.url ?? '';
      const text = url.includes('versioning') ? versioning : url.includes('object-lock') ? lock : lifecycle;
      xml(response, text.startsWith('<Error>') ? 404 : 200, text);
    };
    return store.keeping();
  };
  const none = (code: string) => `<Error><Code>${code}</Code></Error>`;
  const noLock = none('ObjectLockConfigurationNotFoundError');

  test('nothing, when it has neither', async () => {
    expect(await asked('<VersioningConfiguration/>', noLock, none('NoSuchLifecycleConfiguration'))).toEqual({
      versions: false,
      locked: false,
      expires: false,
    });
  });

  test('versions until a rule removes them, and locked objects', async () => {
    const versioning = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    const lock =
      '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>30</Days></DefaultRetention></Rule></ObjectLockConfiguration>';
    const lifecycle = (status: string) =>
      `<LifecycleConfiguration><Rule><Status>${status}</Status><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>`;
    expect(await asked(versioning, lock, lifecycle('Enabled'))).toEqual({
      versions: true,
      locked: true,
      expires: true,
    });
    expect(await asked(versioning, noLock, lifecycle('Disabled'))).toEqual({
      versions: true,
      locked: false,
      expires: false,
    });
  });

  test('a key that may not ask is told as not known', async () => {
    answer = (_request, response) => xml(response, 403, none('AccessDenied'));
    expect(await store.keeping()).toEqual({ versions: 'unknown', locked: 'unknown', expires: 'unknown' });
  });

  test('a bucket that is not there is a fault', async () => {
    answer = (_request, response) => xml(response, 404, none('NoSuchBucket'));
    await expect(store.keeping()).rejects.toMatchObject({ kind: 'refused' });
  });
});
