import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publishedArgoCd } from '../../lab/engines/argocd.ts';
import { cgroups } from '../../lab/enclosure/control-groups.ts';
import { ctr } from '../../lab/images/ctr.ts';
import { findEnclosure } from '../../lab/enclosure/enclosure.ts';
import { labFolders, labPlaces } from '../../lab/folders.ts';
import { shellImage } from '../../lab/images/images.ts';
import { kubectlFor } from '../../lab/engines/kubectl.ts';
import { partFolder } from '../../lab/building/part-build.ts';
import { labPart } from '../../lab/building/parts.ts';
import { publishedTekton } from '../../lab/engines/tekton.ts';
import { toolPaths } from '../../lab/building/tools.ts';
import { waitFor } from '../../src/host/wait-for.ts';
import { inFull } from '../support/in-full.ts';

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
    groups: cgroups(places.home).filter((group) => existsSync(group)),
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
  // Past the first sign of each stage; the parts are built by whichever comes first. An image's archive is there while containerd takes it.
  const archive = (image: string) => join(places.images, `docker.io_cardea_${image}.tar`);
  const early = [places.kubeconfig, join(places.pids, 'etcd.pid'), join(places.pids, 'kubelet.pid')];
  const signs = [
    places.record,
    ...(inFull ? early : []),
    archive(`tekton-webhook_${labPart('tekton').version}`),
    ...(inFull ? [archive(`argocd_${labPart('argocd').version}`)] : []),
  ];
  for (const sign of signs) {
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

test('A8: every part of the lab is ready, and proves it', async () => {
  const { results } = await answer('lab', 'test');
  expect(results.map(({ problem }: { problem?: object }) => problem)).toEqual(results.map(() => undefined));
  const versions = results.map(({ title, version }: { title: string; version: string }) => `${title} ${version}`);
  for (const part of ['kubernetes', 'coredns', 'tekton', 'cass-operator', 'argocd'] as const) {
    const { title, version } = labPart(part);
    expect(versions).toContain(part === 'kubernetes' ? `kube-apiserver ${version}` : `${title} ${version}`);
  }
});

test("A7: tkn and Argo CD's own command line reach the lab from the host", async () => {
  const { tools, kubeconfig } = await answer('lab', 'status');
  const own = join(state, 'kubeconfig-argocd');
  copyFileSync(kubeconfig, own);
  const env = { KUBECONFIG: own, HOME: state };
  expect((await execa(tools.tkn, ['version'], { env })).stdout).toContain(labPart('tekton').version);
  await execa(tools.kubectl, ['config', 'set-context', '--current', '--namespace=argocd'], { env });
  const applications = await execa(tools.argocd, ['app', 'list', '--core', '--output=json'], { env });
  expect(JSON.parse(applications.stdout)).toEqual([]);
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
  const { results } = JSON.parse(stdout);
  const codes = results.map(({ title, problem }: { title: string; problem?: { code: string } }) => [
    title,
    problem?.code,
  ]);
  expect(codes).toContainEqual(['kube-scheduler', 'lab-server-died']);
  expect(codes).toContainEqual(['kubelet', undefined]);
  expect(codes).toContainEqual(['Tekton Pipelines', 'lab-not-tried']);
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

test.each(inFull ? ['kubelet', 'apiserver', 'containerd'] : ['kubelet'])(
  'pods run on while the %s is started anew',
  async (name) => {
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
  },
);

test('the engines work on after all that', async () => {
  const { results } = await answer('lab', 'test');
  expect(results.map(({ problem }: { problem?: object }) => problem)).toEqual(results.map(() => undefined));
});

test('on a cluster that lacks an engine, it is installed only when agreed; then the same proofs hold', async () => {
  const kinds = ['cassandradatacenters.cassandra.datastax.com', 'cassandratasks.control.k8ssandra.io'];
  await kubectl('delete', 'crd', ...kinds, 'scheduledtasks.control.k8ssandra.io');
  await kubectl('delete', 'namespace', 'cass-operator');
  const onAny = ['lab', 'test', '--kubeconfig', places.kubeconfig, '--image', shellImage];
  const refused = await cardea(...onAny);
  expect(refused.exitCode).toBe(3);
  expect(JSON.parse(refused.stdout).problem).toMatchObject({
    code: 'engines-missing',
    happened: expect.stringContaining(
      `lacks cass-operator ${labPart('cass-operator').version} (namespace cass-operator)`,
    ),
  });
  expect(await kubectl('get', 'namespaces', '--output=name')).not.toContain('cass-operator');
  // A registry is what the lab has not: the image is there under the name that is published.
  const { version } = labPart('cass-operator');
  const enclosure = findEnclosure(places);
  const [program, ...args] = enclosure === undefined ? expect.unreachable() : ctr({ enclosure });
  const names = [`docker.io/cardea/cass-operator:${version}`, `docker.io/k8ssandra/cass-operator:${version}`];
  await execa(program, [...args, 'images', 'tag', ...names]);
  const { results } = await answer(...onAny, '--install');
  expect(
    results.map(({ title, version: at, problem }: { title: string; version: string; problem?: object }) => [
      title,
      at,
      problem,
    ]),
  ).toEqual([
    ['nodes', labPart('kubernetes').version, undefined],
    ['pods, volumes, services, names', labPart('kubernetes').version, undefined],
    ['Tekton Pipelines', 'as found', undefined],
    ['cass-operator', version, undefined],
    ['Argo CD', 'as found', undefined],
  ]);
});

test.each([
  ['tekton', publishedTekton, `ghcr.io/tektoncd/pipeline/controller-10a3e32792f33651396d02b6855a6e36`],
  ['argocd', publishedArgoCd, 'quay.io/argoproj/argocd'],
] as const)('the API server accepts %s as it is published', async (name, published, image) => {
  const { parts: cache } = labFolders();
  const program = kubectlFor(toolPaths(cache).kubectl, places.kubeconfig);
  const engine = published(async (part) => partFolder(cache, part));
  const manifests = await engine.manifests(program);
  await program.run(['apply', '--server-side', '--force-conflicts', '--dry-run=server', '--filename=-'], {
    input: manifests,
  });
  const images = [...manifests.matchAll(/^ *(?:- )?image: (\S+)$/gm)].map(([, each]) => each);
  expect(images).toContain(`${image}:${labPart(name).version}`);
  expect(images.filter((each) => each?.includes('cardea'))).toEqual([]);
});

test('down leaves no process, mount, link, rule or control group, and the host its settings', async () => {
  expect(await answer('lab', 'down')).toEqual({ existed: true });
  expect(await traces()).toEqual(before);
  expect(await processesOf(places.home)).toBe('');
  expect(existsSync(places.home)).toBe(false);
  expect(await answer('lab', 'down')).toEqual({ existed: false });
});
