import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Publish } from './argocd-proof.ts';
import { type ProvingGround, unmet } from './proof.ts';

const versions = { first: '1.0.0', second: '1.1.0' } as const;

/**
 * What Argo CD is to bring, as two releases of a chart in a repository of charts: a pod that serves files. So a cluster needs nothing around it, where
 * a Git server would have to be reached by it and by this machine.
 */
export function byCharts({ kubectl, image }: ProvingGround): Publish {
  return async (said, space) => {
    if (said === 'first') {
      await space.apply(await chartFiles(), server(image), service);
      await kubectl.run(['wait', space.here, '--for=condition=Ready', 'pod/charts', '--timeout=60s']);
    }
    return {
      source: { repoURL: `http://charts.${space.name}.svc`, chart: 'proof', targetRevision: versions[said] },
      revision: versions[said],
    };
  };
}

async function chartFiles(): Promise<object> {
  const releases = Object.entries(versions);
  const entries = releases.map(([, version]) => ({ ...chart(version), urls: [`proof-${version}.tgz`] }));
  const archives = await Promise.all(
    releases.map(async ([said, version]) => [`proof-${version}.tgz`, await packed(said, version)] as const),
  );
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'charts' },
    data: { 'index.yaml': JSON.stringify({ apiVersion: 'v1', entries: { proof: entries } }) },
    binaryData: Object.fromEntries(archives),
  };
}

function chart(version: string): object {
  return { apiVersion: 'v2', name: 'proof', version };
}

/** The chart as Helm packs it, in base64. */
async function packed(said: string, version: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'cardea-lab-test-'));
  try {
    const templates = join(folder, 'proof', 'templates');
    mkdirSync(templates, { recursive: true });
    writeFileSync(join(folder, 'proof', 'Chart.yaml'), JSON.stringify(chart(version)));
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'proof' }, data: { said } };
    writeFileSync(join(templates, 'proof.yaml'), JSON.stringify(object));
    const archive = join(folder, 'proof.tgz');
    const { execa } = await import('execa');
    const args = ['--create', '--gzip', `--file=${archive}`, `--directory=${folder}`, 'proof'];
    const { failed, stderr } = await execa('tar', args, { reject: false, stdin: 'ignore' });
    if (failed) throw unmet('tar could not pack a chart.', stderr);
    return readFileSync(archive).toString('base64');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function server(image: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'charts', labels: { app: 'charts' } },
    spec: {
      terminationGracePeriodSeconds: 0,
      volumes: [{ name: 'files', configMap: { name: 'charts' } }],
      containers: [
        {
          name: 'charts',
          image,
          imagePullPolicy: 'IfNotPresent',
          command: ['/bin/sh', '-c', 'exec httpd -f -p 8080 -h /charts'],
          volumeMounts: [{ name: 'files', mountPath: '/charts' }],
          readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
        },
      ],
    },
  };
}

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'charts' },
  spec: { selector: { app: 'charts' }, ports: [{ port: 80, targetPort: 8080 }] },
};
