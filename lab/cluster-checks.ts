import { FailedProblem } from '../src/model/problem.ts';
import { waitFor } from '../src/platforms/sandbox/condition.ts';
import { type LabAddon, waitForWorkloads } from './addon.ts';
import { labAddons } from './addons.ts';
import { shellImage } from './images.ts';
import type { Lab } from './lab.ts';
import { isNodeReady } from './node-ready.ts';
import { labPart } from './parts.ts';
import type { LabCheck } from './test.ts';

const namespace = 'cardea-lab-test';

/** What the servers do together: a node, pods, logs, exec, services, names. */
export function clusterChecks(lab: Lab): readonly LabCheck[] {
  const { version } = labPart('kubernetes');
  return [
    { title: 'node', version, run: (signal) => until('the node is Ready', () => isNodeReady(lab), signal) },
    ...labAddons(lab.cache)
      .filter(({ workloads }) => workloads.length > 0)
      .map((addon) => addonCheck(lab, addon)),
    { title: 'pods, volumes, services, names', version, run: (signal) => checkPods(lab, signal) },
  ];
}

function addonCheck(lab: Lab, addon: LabAddon): LabCheck {
  return {
    title: addon.title,
    version: addon.version,
    run: (signal) => waitForWorkloads(lab.kubectl, addon, { withinMs: 30_000, signal }),
  };
}

/** A web server on a volume, behind a service, asked by name from another pod; its log and a command run in it. */
async function checkPods(lab: Lab, signal: AbortSignal): Promise<void> {
  const { kubectl } = lab;
  const here = `--namespace=${namespace}`;
  await removeNamespace(lab);
  try {
    await kubectl.run(['create', 'namespace', namespace]);
    const account = async () => (await kubectl.look(['get', 'serviceaccount', 'default', here])) !== undefined;
    await until('the namespace has its service account', account, signal);
    const objects = { apiVersion: 'v1', kind: 'List', items: [claim, webServer(), service(), visitor()] };
    await kubectl.run(['apply', '--filename=-'], { input: JSON.stringify(objects) });
    const answers = async () => (await logOf(lab, 'visitor')).includes('hello from web');
    await until('a pod reaches a service by its name', answers, signal, () => whatHappened(lab));
    await kubectl.run(['wait', here, '--for=condition=Ready', 'pod/web', '--timeout=30s']);
    const said = await kubectl.run(['exec', here, 'web', '--', 'cat', '/www/index.html']);
    if (said.trim() !== 'hello from web') throw unmet('exec answers with what the container holds', said);
  } finally {
    await removeNamespace(lab);
  }
}

function webServer(): object {
  return pod('web', 'echo "hello from web" > /www/index.html && exec httpd -f -p 8080 -h /www', {
    ports: [{ containerPort: 8080 }],
    volumeMounts: [{ name: 'pages', mountPath: '/www' }],
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
  });
}

/** Of the class that is there for claims that name none. */
const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'pages', namespace },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
};

function visitor(): object {
  const address = `http://web.${namespace}.svc.cluster.local/`;
  return pod('visitor', `until curl --silent --fail --max-time 2 ${address}; do sleep 1; done; sleep 3600`, {});
}

function service(): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
  };
}

function pod(name: string, script: string, more: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      volumes: name === 'web' ? [{ name: 'pages', persistentVolumeClaim: { claimName: 'pages' } }] : [],
      containers: [{ name, image: shellImage, imagePullPolicy: 'Never', command: ['/bin/sh', '-c', script], ...more }],
    },
  };
}

async function logOf(lab: Lab, name: string): Promise<string> {
  return lab.kubectl.run(['logs', `--namespace=${namespace}`, name, '--tail=8']).catch(() => '');
}

/** Pods and the last events: what tells why a pod does not do its work. */
async function whatHappened(lab: Lab): Promise<string> {
  const here = `--namespace=${namespace}`;
  const asked = [
    ['get', 'pods', here, '--output=wide', '--no-headers'],
    ['get', 'events', here, '--sort-by=.lastTimestamp', '--no-headers'],
  ];
  const said = await Promise.all(asked.map((args) => lab.kubectl.run(args).catch(() => '')));
  return [...said, await logOf(lab, 'visitor')].join('\n');
}

async function removeNamespace(lab: Lab): Promise<void> {
  await lab.kubectl.run(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=60s']);
}

async function until(
  what: string,
  isMet: () => Promise<boolean>,
  signal: AbortSignal,
  tell: () => Promise<string> = async () => '',
): Promise<void> {
  const met = async () => ((await isMet()) ? true : undefined);
  if ((await waitFor(met, { withinMs: 60_000, everyMs: 250, signal })) !== true) throw unmet(what, await tell());
}

function unmet(what: string, said: string): FailedProblem {
  return new FailedProblem({
    code: 'lab-check-failed',
    happened: `It was not seen within a minute that ${what}.`,
    state: 'The lab runs on as it is.',
    next: 'Look with kubectl and the kubeconfig that `cardea lab status` names.',
    details: said
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-12),
  });
}
