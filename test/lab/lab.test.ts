import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { labPlaces } from '../../lab/folders.ts';
import { waitFor } from '../../src/platforms/sandbox/condition.ts';

/**
 * The lab from the outside, as its user has it: every step is a command of the program. It has a home of its own, so that a lab which is up
 * on this machine is left alone; the built parts are shared. The order of the tests is a story.
 */
const state = mkdtempSync(join(tmpdir(), 'cardea-lab-'));
const places = labPlaces(join(state, 'cardea', 'lab'));
const checkout = join(import.meta.dirname, '../..');

function cardea(...args: readonly string[]) {
  return execa(join(checkout, 'cardea'), [...args, '--json'], {
    env: { XDG_STATE_HOME: state },
    reject: false,
    stdin: 'ignore',
  });
}

async function answer(...args: readonly string[]) {
  const { stdout, stderr, exitCode } = await cardea(...args);
  expect(exitCode, stderr + stdout).toBe(0);
  return JSON.parse(stdout);
}

async function kubectl(...args: readonly string[]): Promise<string> {
  const { tools, kubeconfig } = await answer('lab', 'status');
  const { stdout } = await execa(tools.kubectl, [`--kubeconfig=${kubeconfig}`, ...args], { stdin: 'ignore' });
  return stdout;
}

/** What a lab could leave on the machine, apart from its files. */
async function traces() {
  const said = async (program: string, args: readonly string[]) =>
    (await execa(program, args, { reject: false })).stdout;
  return {
    mounts: readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.includes(state)),
    links: (await said('ip', ['-brief', 'link'])).split('\n').filter((line) => /^(cni|veth)/.test(line)),
    rules: (await said('iptables-save', [])).split('\n').filter((line) => /KUBE-|CNI-/.test(line)),
    namespaces: (await said('ip', ['netns', 'list'])).split('\n').filter((line) => line.includes('cni-')),
    groups: (await said('find', ['/sys/fs/cgroup', '-maxdepth', '3', '-name', 'cardea-lab-*']))
      .split('\n')
      .filter(Boolean),
    forwarding: readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8'),
    overcommit: readFileSync('/proc/sys/vm/overcommit_memory', 'utf8'),
    panic: readFileSync('/proc/sys/kernel/panic', 'utf8'),
  };
}

async function processesOf(folder: string): Promise<string> {
  return (await execa('pgrep', ['--full', folder], { reject: false })).stdout;
}

let before: Awaited<ReturnType<typeof traces>>;

beforeAll(async () => {
  before = await traces();
});

afterAll(async () => {
  await cardea('lab', 'down');
  rmSync(state, { recursive: true, force: true });
});

test('killed at any moment of up, the next up goes on', async () => {
  // Past the first sign of each stage; the parts are built by whichever comes first.
  for (const sign of [
    places.record,
    places.kubeconfig,
    join(places.pids, 'etcd.pid'),
    join(places.pids, 'kubelet.pid'),
  ]) {
    const running = cardea('lab', 'up');
    const seen = await waitFor(() => (existsSync(sign) || running.exitCode !== undefined ? true : undefined), {
      withinMs: 5_000_000,
      everyMs: 10,
    });
    expect(seen, sign).toBe(true);
    running.kill('SIGKILL');
    await running;
  }
  expect(await answer('lab', 'up')).toMatchObject({ state: 'up', dead: [] });
}, 5_400_000);

test('every part of the lab is ready, and proves it', async () => {
  const { results } = await answer('lab', 'test');
  expect(results.map(({ problem }: { problem?: object }) => problem)).toEqual(results.map(() => undefined));
});

test('a second up changes nothing: the same processes, in seconds', async () => {
  const pids = (report: { servers: ReadonlyArray<{ name: string; pid: number }> }) =>
    report.servers.map(({ name, pid }) => `${name} ${pid}`);
  const first = await answer('lab', 'status');
  const second = await answer('lab', 'up');
  expect(pids(second)).toEqual(pids(first));
});

test('another checkout is told who holds the lab', async () => {
  const record = readFileSync(places.record, 'utf8');
  writeFileSync(places.record, record.replace(checkout, '/somewhere/else'));
  try {
    for (const command of ['up', 'down']) {
      const { exitCode, stdout } = await cardea('lab', command);
      expect(exitCode).toBe(3);
      expect(JSON.parse(stdout).problem).toMatchObject({
        code: 'lab-held',
        happened: expect.stringContaining('/somewhere/else'),
      });
    }
  } finally {
    writeFileSync(places.record, record);
  }
});

test('a server that dies is named with the end of its log, and the next up starts it again', async () => {
  const { servers } = await answer('lab', 'status');
  const { pid } = servers.find(({ name }: { name: string }) => name === 'scheduler');
  process.kill(pid, 'SIGKILL');
  const broken = await waitFor(
    async () => {
      const report = await answer('lab', 'status');
      return report.state === 'broken' ? report : undefined;
    },
    { withinMs: 10_000, everyMs: 100 },
  );
  expect(broken?.dead).toEqual([
    {
      title: 'kube-scheduler',
      log: join(places.logs, 'scheduler.log'),
      end: expect.arrayContaining([expect.any(String)]),
    },
  ]);
  const { exitCode, stdout } = await cardea('lab', 'test');
  expect(exitCode).toBe(1);
  expect(stdout).toContain('kube-scheduler of the lab has ended by itself');
  expect(await answer('lab', 'up')).toMatchObject({ state: 'up' });
});

test('a pod of a StatefulSet that is deleted comes back under its name', async () => {
  const image = 'docker.io/cardea/shell:lab';
  const container = { name: 'sleeper', image, imagePullPolicy: 'Never', command: ['sleep', '3600'] };
  const set = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'sleeper', namespace: 'default' },
    spec: {
      replicas: 1,
      serviceName: 'sleeper',
      selector: { matchLabels: { app: 'sleeper' } },
      template: {
        metadata: { labels: { app: 'sleeper' } },
        spec: { terminationGracePeriodSeconds: 0, containers: [container] },
      },
    },
  };
  const file = join(state, 'set.json');
  writeFileSync(file, JSON.stringify(set));
  await kubectl('apply', `--filename=${file}`);
  const uid = async () => kubectl('get', 'pod', 'sleeper-0', '--ignore-not-found', '--output=jsonpath={.metadata.uid}');
  const ready = async (other: string) =>
    waitFor(
      async () => {
        const now = await uid();
        if (now === '' || now === other) return undefined;
        await kubectl('wait', '--for=condition=Ready', 'pod/sleeper-0', '--timeout=30s');
        return now;
      },
      { withinMs: 60_000, everyMs: 200 },
    );
  const first = await ready('');
  expect(first).toBeDefined();
  await kubectl('delete', 'pod', 'sleeper-0');
  expect(await ready(first ?? '')).toBeDefined();
});

test.each(['kubelet', 'apiserver', 'containerd'])('pods run on while the %s is started anew', async (name) => {
  const started = '--output=jsonpath={.metadata.uid} {.status.containerStatuses[0].containerID}';
  const pod = await kubectl('get', 'pod', 'sleeper-0', started);
  const { servers } = await answer('lab', 'status');
  process.kill(servers.find((server: { name: string }) => server.name === name).pid, 'SIGKILL');
  const gone = await waitFor(
    async () => {
      const { dead } = await answer('lab', 'status');
      return dead.length > 0 ? true : undefined;
    },
    { withinMs: 30_000, everyMs: 100 },
  );
  expect(gone).toBe(true);
  expect(await answer('lab', 'up')).toMatchObject({ state: 'up', dead: [] });
  expect(await kubectl('get', 'pod', 'sleeper-0', started)).toBe(pod);
});

test('down leaves no process, mount, link, rule or control group, and the host its settings', async () => {
  expect(await answer('lab', 'down')).toEqual({ existed: true });
  expect(await traces()).toEqual(before);
  expect(await processesOf(places.home)).toBe('');
  expect(existsSync(places.home)).toBe(false);
  expect(await answer('lab', 'down')).toEqual({ existed: false });
});
