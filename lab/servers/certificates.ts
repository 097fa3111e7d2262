import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../../src/model/problem.ts';
import { addresses, nodeName } from '../addresses.ts';
import type { LabPlaces } from '../folders.ts';
import { provisionerUser } from './volume-plan.ts';

/** Who gets a certificate, and what it says of them: Kubernetes reads a user's name from CN and groups from O. */
const identities = {
  admin: { subject: '/O=system:masters/CN=cardea-lab-admin', use: 'clientAuth' },
  apiserver: { subject: '/CN=kube-apiserver', use: 'serverAuth' },
  'apiserver-kubelet': { subject: '/O=system:masters/CN=kube-apiserver-kubelet-client', use: 'clientAuth' },
  'controller-manager': { subject: '/CN=system:kube-controller-manager', use: 'clientAuth' },
  scheduler: { subject: '/CN=system:kube-scheduler', use: 'clientAuth' },
  proxy: { subject: '/CN=system:kube-proxy', use: 'clientAuth' },
  volumes: { subject: `/CN=${provisionerUser}`, use: 'clientAuth' },
  kubelet: { subject: `/O=system:nodes/CN=system:node:${nodeName}`, use: 'clientAuth,serverAuth' },
} as const;
export type Identity = keyof typeof identities;

/** Longer than any lab lives. */
const days = '365';

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** Files of an identity. */
export function certificateOf(places: LabPlaces, identity: Identity): Certificate {
  return { certificate: join(places.keys, `${identity}.crt`), key: join(places.keys, `${identity}.key`) };
}

export function authority(places: LabPlaces): Certificate {
  return { certificate: join(places.keys, 'ca.crt'), key: join(places.keys, 'ca.key') };
}

/** Signs and checks the tokens of service accounts. */
export function serviceAccountKey(places: LabPlaces): string {
  return join(places.keys, 'service-account.key');
}

/**
 * Makes the lab's certificate authority and every certificate, once; a killed attempt starts anew, since the folder appears by a rename.
 * `hostAddress` is the loopback address at which the host reaches the API server.
 */
export async function makeCertificates(places: LabPlaces, hostAddress: string): Promise<void> {
  if (existsSync(places.keys)) return;
  const work = `${places.keys}.new`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true, mode: 0o700 });
  const at = (name: string) => join(work, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];
  await openssl(
    ['req', '-x509', ...newKey, '-days', days, '-subj', '/CN=cardea-lab'],
    ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ['-keyout', at('ca.key'), '-out', at('ca.crt')],
  );
  for (const [name, { subject, use }] of Object.entries(identities)) {
    writeFileSync(at(`${name}.ext`), extensions(use, name === 'apiserver' ? hostAddress : undefined));
    await openssl(['req', ...newKey, '-subj', subject, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`)]);
    await openssl(
      ['x509', '-req', '-in', at(`${name}.csr`), '-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial'],
      ['-days', days, '-extfile', at(`${name}.ext`), '-out', at(`${name}.crt`)],
    );
  }
  await openssl(['genrsa', '-out', at('service-account.key'), '2048']);
  renameSync(work, places.keys);
}

/** A kubeconfig for an identity. JSON, which every reader of YAML reads; keys inside, so that the file alone is enough. */
export function kubeconfig(places: LabPlaces, identity: Identity, server: string): string {
  const { certificate, key } = certificateOf(places, identity);
  const encoded = (file: string) => readFileSync(file).toString('base64');
  const name = 'cardea-lab';
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server, 'certificate-authority-data': encoded(authority(places).certificate) } }],
    contexts: [{ name, context: { cluster: name, user: identity } }],
    users: [
      { name: identity, user: { 'client-certificate-data': encoded(certificate), 'client-key-data': encoded(key) } },
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function extensions(use: string, hostAddress: string | undefined): string {
  const ips = ['127.0.0.1', addresses.node, addresses.apiService, ...(hostAddress === undefined ? [] : [hostAddress])];
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const names = [nodeName, 'localhost', ...service, `kubernetes.default.svc.${addresses.clusterDomain}`];
  const alternatives = [...names.map((name) => `DNS:${name}`), ...ips.map((ip) => `IP:${ip}`)];
  return [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature,keyEncipherment',
    `extendedKeyUsage=${use}`,
    ...(use.includes('serverAuth') ? [`subjectAltName=${alternatives.join(',')}`] : []),
    '',
  ].join('\n');
}

async function openssl(...parts: ReadonlyArray<readonly string[]>): Promise<void> {
  const args = parts.flat();
  const { execa } = await import('execa');
  const { failed, stderr } = await execa('openssl', args, { reject: false, stdin: 'ignore' });
  if (!failed) return;
  throw new FailedProblem({
    code: 'lab-certificates',
    happened: `openssl ${args[0] ?? ''} failed while the certificates of the lab were made.`,
    state: 'The lab has no certificates yet; nothing was started.',
    next: 'Run the same command again; it makes the certificates again.',
    details: stderr.trimEnd().split('\n').slice(-6),
  });
}
