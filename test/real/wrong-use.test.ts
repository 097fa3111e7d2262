import { globSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { eventKey } from '../../src/journal/event-file.ts';
import type { StoreLocation } from '../../src/model/agent-config.ts';
import { bucketIdentityKey } from '../../src/model/bucket-identity.ts';
import { openStore } from '../../src/platforms/open-store.ts';
import { restorePointDocument, restorePointKey, type RestorePoint } from '../../src/model/restore-point.ts';
import { readRecord, writeRecord } from '../../src/platforms/sandbox/environment-record.ts';
import { getPoint } from '../../src/runbooks/catalog/point-catalog.ts';
import { carelessS3 } from '../support/careless-s3.ts';
import { type Ended, killNow, sandboxUp, type TestSandbox } from '../support/sandbox.ts';

/**
 * Wrong use and a world that is not as it should be: each is refused with exit code 2 or 3, nothing is changed, and the message says what to
 * do next. One ring of three nodes serves all of it; the tests run in the order of the file.
 */
let sandbox: TestSandbox;
let point: RestorePoint;

beforeAll(async () => {
  sandbox = await sandboxUp(3);
  const taken = await sandbox.answer(z.object({ point: z.string() }), 'backup', 'local');
  point = await getPoint(sandbox.platform.bucket, taken.point);
});

afterAll(async () => {
  await sandbox?.down();
});

const failure = z.object({
  problem: z.object({
    problem: z.string(),
    code: z.string(),
    happened: z.string(),
    state: z.string(),
    next: z.string(),
    details: z.array(z.string()).optional(),
  }),
});

interface Refusal {
  readonly exitCode: 2 | 3;
  readonly code: string;
  readonly next: RegExp;
}

/** Runs the command and finds it refused, with everything as it was before. Gives its problem. */
async function refused(args: readonly string[], wanted: Refusal) {
  const before = await standing();
  const ended = await sandbox.cardea(...args);
  const problem = problemOf(ended, wanted);
  expect(await standing()).toEqual(before);
  return { ...problem, seconds: ended.seconds };
}

function problemOf(ended: Ended, { exitCode, code, next }: Refusal) {
  expect({ exitCode: ended.exitCode, json: ended.json }).toMatchObject({ exitCode, json: { problem: { code } } });
  const { problem } = failure.parse(ended.json);
  expect(problem.next).toMatch(next);
  expect(problem.happened).not.toBe('');
  return problem;
}

/**
 * What a refusal must leave alone: restore points and their files, the graph's files and its index, what lies aside, snapshots, and every
 * process. That a run was refused is on record, so journals, leases and the audit chain are not part of it; nor is the log, which goes on being
 * shipped whatever is typed.
 */
async function standing() {
  const { bucket, nodes, graph } = await sandbox.status();
  const stored = globSync('**/*', { cwd: bucket }).filter(
    (key) => !/^(runs|leases|audit|log)(\/|$)/.test(key) && !isFolder(join(bucket, key)),
  );
  const onNodes = nodes.map(({ name, dataDir, pid, agentPid }) => ({
    pid,
    agentPid,
    tables: globSync('*/*', { cwd: dataDir }).sort(),
    files: globSync('janusgraph/*/**', { cwd: dataDir }).sort(),
    snapshots: globSync('*/*/snapshots/*', { cwd: dataDir }).sort(),
    aside: globSync('**', { cwd: join(sandbox.directory, 'nodes', name, 'aside') }).sort(),
  }));
  return {
    stored: stored.sort(),
    nodes: onNodes,
    graph: graph.pid,
    index: globSync('**', { cwd: graph.index }).sort(),
  };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

describe('what was typed', () => {
  test('an environment that the configuration does not name', async () => {
    await refused(['backup', 'locla'], { exitCode: 2, code: 'unknown-environment', next: /local/ });
  });

  test.each(['restore', 'rehearse'])('a point that does not exist, to %s', async (command) => {
    const args = command === 'restore' ? ['local', '--confirm', 'local', '--to'] : ['local'];
    const problem = await refused([command, ...args, 'backup-20200101-020000'], {
      exitCode: 2,
      code: 'unknown-point',
      next: /cardea points/,
    });
    expect(problem.next).toContain(point.id);
  });

  test('C1: a restore without --confirm, or with another name after it', async () => {
    const wanted = { exitCode: 3, code: 'not-confirmed', next: /--confirm local/ } as const;
    await refused(['restore', 'local', '--to', point.id], wanted);
    await refused(['restore', 'local', '--to', point.id, '--confirm', 'prod'], wanted);
  });

  test('a configuration with mistakes: each one is named with its place', async () => {
    const file = sandbox.writeConfig(
      'wrong.config.ts',
      `export default {
        name: 'Bank of Examples',
        environments: {
          local: {
            platform: { kind: 'sandbx' },
            promotesTo: 'nowhere',
            backup: { retention: { keep: 'a month' }, retnetion: {}, schedule: 'sometimes' },
          },
        },
      };`,
    );
    const { details = [] } = await refused(['--config', file, 'backup', 'local'], {
      exitCode: 2,
      code: 'config-wrong',
      next: /cardea config --schema/,
    });
    for (const place of ['name', 'platform', 'promotesTo', 'keep', 'retnetion', 'schedule']) {
      expect(details.join('\n')).toContain(place);
    }
  });
});

describe('which point', () => {
  test('B6: a point that was only taken, without --allow-taken', async () => {
    const taken = await storeVariant({ proof: 'taken', id: laterId(1) });
    const wanted = { exitCode: 3, code: 'point-not-good', next: /--allow-taken/ } as const;
    await refused(['restore', 'local', '--to', taken, '--confirm', 'local'], wanted);
    await refused(['rehearse', 'local', taken], wanted);
  });

  test('B6: a point that failed its check', async () => {
    const failed = await storeVariant({ proof: 'failed', failure: 'a file is truncated', id: laterId(2) });
    const problem = await refused(['restore', 'local', '--to', failed, '--allow-taken', '--confirm', 'local'], {
      exitCode: 3,
      code: 'point-not-good',
      next: /cardea points/,
    });
    expect(problem.happened).toContain('a file is truncated');
  });

  test('C2: a point of another layout', async () => {
    const other = await storeVariant({ id: laterId(3), nodes: point.nodes.slice(0, 2) });
    const { details = [] } = await refused(['restore', 'local', '--to', other, '--confirm', 'local'], {
      exitCode: 3,
      code: 'layout-differs',
      next: /--into/,
    });
    expect(details.join()).toContain(point.nodes[2]?.node ?? 'a third node');
  });

  /** The real point's document with something changed, under a name of its own. */
  async function storeVariant(change: Partial<Omit<RestorePoint, 'id'>> & { id: string }): Promise<string> {
    const id = restorePointDocument.schema.shape.id.parse(change.id);
    const { bucket } = sandbox.platform;
    await bucket.put(restorePointKey(id), restorePointDocument.write({ ...point, ...change, id }), { ifAbsent: true });
    onTestFinished(async () => bucket.delete(restorePointKey(id)));
    return id;
  }

  /** A point's name so many seconds after the real one's. */
  function laterId(seconds: number): string {
    const time = new Date(Date.parse(point.takenAt) + 1000 * (60 + seconds)).toISOString();
    return `backup-${time.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')}`;
  }
});

describe('the store', () => {
  test('F1: an S3 endpoint where nobody listens is known as such within ten seconds', async () => {
    useStore('http://127.0.0.1:9');
    for (const args of [
      ['backup', 'local'],
      ['restore', 'local', '--to', point.id, '--confirm', 'local'],
      ['points', 'local'],
    ]) {
      const { seconds } = await refused(args, { exitCode: 3, code: 'store-unreachable', next: /endpoint/ });
      expect(seconds).toBeLessThan(10);
    }
  });

  test('one that ignores the conditions of a put', async () => {
    const server = await carelessS3();
    onTestFinished(() => server.close());
    const store = openStore(useStore(server.endpoint));
    // It is the bucket that the agents know.
    const identity = await sandbox.platform.bucket.get(bucketIdentityKey);
    await store.put(bucketIdentityKey, identity?.body ?? '');
    await store.close();
    await refused(['backup', 'local'], { exitCode: 3, code: 'store-without-conditions', next: /If-None-Match/ });
  });

  /** For the rest of one test the command line finds the environment's bucket there. */
  function useStore(endpoint: string): StoreLocation {
    const record = readRecord(sandbox.directory);
    if (record === undefined) throw new TypeError('the sandbox has no record');
    const credentialsFile = join(sandbox.home, 'credentials');
    writeFileSync(credentialsFile, '[default]\naws_access_key_id = someone\naws_secret_access_key = something\n', {
      mode: 0o600,
    });
    const store: StoreLocation = {
      kind: 's3',
      bucket: 'backups',
      endpoint,
      region: 'us-east-1',
      credentialsFile,
      encryption: 'none',
      checksums: 'when-required',
    };
    onTestFinished(() => writeRecord(sandbox.directory, record));
    writeRecord(sandbox.directory, { ...record, store });
    return store;
  }

  test('that of another environment: none of its servers is started on it, and no command reads or writes it', async () => {
    const { bucket } = await sandbox.status();
    const config = sandbox.writeConfig(
      'staging.config.ts',
      `export default { name: 'janusgraph-banking', environments: { staging: {
        platform: { kind: 'sandbox' }, janusgraph: { replicationFactor: 1 }, datacenter: { size: 1 },
        backup: { store: { kind: 'directory', path: ${JSON.stringify(bucket)} } } } } };`,
    );
    const wanted: Refusal = { exitCode: 3, code: 'bucket-of-another-environment', next: /backup\.store/ };
    await refused(['--config', config, 'sandbox', 'up', 'staging'], wanted);
    for (const args of [
      ['backup', 'staging'],
      ['points', 'staging'],
      ['window', 'staging'],
      ['agents', 'staging'],
      ['agents', 'bind', 'staging', '--confirm', 'staging'],
    ]) {
      await refused(['--config', config, ...args], wanted);
    }
    await sandbox.answer(z.unknown(), '--config', config, 'sandbox', 'down', 'staging', '--confirm', 'staging');
    await sandbox.answer(z.unknown(), 'points', 'local');
  });
});

test('B2: disks without the room that the configuration wants', async () => {
  const file = sandbox.writeConfig(
    'roomy.config.ts',
    "export default { name: 'janusgraph-banking', environments: { local: { platform: { kind: 'sandbox' }, backup: { minimumFreeShare: 0.9 } } } };",
  );
  const { details = [] } = await refused(['--config', file, 'backup', 'local'], {
    exitCode: 3,
    code: 'disk-too-small',
    next: /clearsnapshot/,
  });
  for (const { name } of sandbox.platform.nodes) expect(details.join('\n')).toContain(name);
});

describe('a restore that is under way', () => {
  let run: string;
  let pid: number;
  let ended: Promise<Ended>;

  beforeAll(async () => {
    const { bucket } = await sandbox.status();
    // Its third event: an edit of the first is then seen by the hash in the second.
    const journals = () => globSync('runs/restore-*/000003.json', { cwd: bucket });
    const before = journals();
    ({ pid, ended } = sandbox.begin(['restore', 'local', '--to', point.id, '--confirm', 'local']));
    run = await vi.waitFor(
      () => {
        const started = journals().find((journal) => !before.includes(journal));
        if (started === undefined) throw new TypeError('the restore has not begun');
        return started.split('/')[1] ?? '';
      },
      { timeout: 20_000, interval: 2 },
    );
    // In the midst of its checks, which only read.
    process.kill(pid, 'SIGSTOP');
  });

  test('a second one, or any other run that changes something, has to wait', async () => {
    const wanted = {
      exitCode: 3,
      code: 'environment-busy',
      next: /cardea run show restore-/,
    } as const;
    const { happened } = await refused(['restore', 'local', '--to', point.id, '--confirm', 'local'], wanted);
    expect(happened).toContain(run);
    await refused(['backup', 'local'], wanted);
  });

  test('F3: with an edited journal it is not resumed, and the audit names it', async () => {
    process.kill(pid, 'SIGKILL');
    await ended;
    const { bucket } = await sandbox.status();
    const file = join(bucket, eventKey(run, 1));
    const text = readFileSync(file, 'utf8');
    writeFileSync(
      file,
      text.replace('"allowTaken":false', '"allowTaken":true').replace('"allowTaken": false', '"allowTaken": true'),
    );
    expect(readFileSync(file, 'utf8')).not.toBe(text);
    const { happened } = await refused(['run', 'resume', run, '--env', 'local'], {
      exitCode: 3,
      code: 'journal-damaged',
      next: /cardea audit/,
    });
    expect(happened).toMatch(/event 1/);
    const audit = await sandbox.cardea('audit', 'local');
    expect(audit).toMatchObject({ exitCode: 1, json: { ok: false } });
    expect(audit.stdout).toContain(run);

    writeFileSync(file, text);
    await sandbox.answer(z.unknown(), 'run', 'cancel', run, '--env', 'local');
    const last = await sandbox.cardea('run', 'resume', run, '--env', 'local');
    expect(last).toMatchObject({ exitCode: 1, json: { status: 'cancelled' } });
    expect((await sandbox.cardea('audit', 'local')).exitCode).toBe(0);
  });
});

test('a bucket that was emptied behind the agents: nothing is written there until a person binds them to it, and then all goes on', async () => {
  const { bucket } = await sandbox.status();
  const epochs = async () =>
    Promise.all(sandbox.platform.nodes.map(async ({ name }) => sandbox.platform.agent(name).health()));
  const before = Math.max(...(await epochs()).map(({ highestEpoch }) => highestEpoch));
  for (const entry of globSync('*', { cwd: bucket })) rmSync(join(bucket, entry), { recursive: true });
  problemOf(await sandbox.cardea('backup', 'local'), {
    exitCode: 3,
    code: 'bucket-changed',
    next: /cardea agents bind local --confirm local/,
  });
  // An agent looks every ten seconds at the latest, and may have sent what it had begun before.
  await vi.waitFor(
    async () => {
      for (const { shipping } of await epochs()) expect(shipping?.problem).toContain('remembers the bucket');
    },
    { timeout: 60_000, interval: 500 },
  );
  for (const entry of globSync('*', { cwd: bucket })) rmSync(join(bucket, entry), { recursive: true });
  await sandbox.answer(z.unknown(), 'agents', 'bind', 'local', '--confirm', 'local');
  expect(Math.min(...(await epochs()).map(({ highestEpoch }) => highestEpoch))).toBeGreaterThan(before);
  const { point: anew } = await sandbox.answer(z.object({ point: z.string() }), 'backup', 'local');
  expect((await getPoint(openStore({ kind: 'directory', path: bucket }), anew)).proof).toBe('checked');
  await vi.waitFor(
    async () => {
      for (const { shipping } of await epochs())
        expect(shipping).toMatchObject({ state: 'shipping', timeline: 't0001' });
    },
    { timeout: 60_000, interval: 500 },
  );
});

test('B2: a node down stops the backup, by name', async () => {
  const { nodes } = await sandbox.status();
  const [, second] = nodes;
  killNow(second?.pid);
  await vi.waitFor(async () => expect((await sandbox.status()).nodes[1]?.pid).toBeNull(), { timeout: 10_000 });
  const { details = [] } = await refused(['backup', 'local'], {
    exitCode: 3,
    code: 'ring-unhealthy',
    next: /Start every node/,
  });
  expect(details.join('\n')).toContain(second?.name ?? 'the second node');
});
