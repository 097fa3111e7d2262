import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import type { LabAddon } from './addon.ts';
import { findProgram } from '../../src/toolchain/programs.ts';
import type { ScratchImage } from '../images/image-archive.ts';
import { withLibraries } from '../images/images.ts';
import type { Kubectl } from './kubectl.ts';
import { kustomized } from './kustomize.ts';
import { partFolder } from '../building/part-build.ts';
import { labPart } from '../building/parts.ts';
import type { Carried, PublishedEngine } from './published-engine.ts';
import { toolPaths } from '../building/tools.ts';

const namespace = 'argocd';
const images = {
  argocd: { published: 'quay.io/argoproj/argocd', own: 'docker.io/cardea/argocd' },
  redis: { published: 'public.ecr.aws/docker/library/redis', own: 'docker.io/cardea/redis' },
} as const;

/** Argo CD's core: application controller, repo server and Redis, by its own manifests, with images made from its own program and Debian's Git and Redis. */
export function argoCd(cache: string): LabAddon {
  const part = labPart('argocd');
  const manifests = join(partFolder(cache, part), 'manifests');
  return {
    name: 'argocd',
    title: part.title,
    version: part.version,
    images: async () => [await programImage(cache, part.version), await redisImage()],
    manifests: (kubectl) => argoCdManifests(kubectl, manifests, ofTheLab(part.version)),
    objects: [defaultProject],
    complete: makeKey,
    workloads,
  };
}

/** As it is published, for a cluster that reaches registries. */
export function publishedArgoCd(carried: Carried): PublishedEngine {
  const part = labPart('argocd');
  return {
    title: part.title,
    version: part.version,
    definition: 'applications.argoproj.io',
    manifests: async (kubectl) => argoCdManifests(kubectl, join(await carried(part), 'manifests'), { patches: [] }),
    objects: [defaultProject],
    complete: makeKey,
    workloads,
  };
}

const workloads: LabAddon['workloads'] = [
  { namespace, name: 'deployment/argocd-redis' },
  { namespace, name: 'deployment/argocd-repo-server' },
  { namespace, name: 'statefulset/argocd-application-controller' },
];

/** One program that looks at its name; it runs Git and Helm. Kustomize is not in it. */
async function programImage(cache: string, version: string): Promise<ScratchImage> {
  const tools = toolPaths(cache);
  const roles = ['argocd', 'argocd-application-controller', 'argocd-repo-server', 'argocd-git-ask-pass'];
  const busybox = findProgram('busybox') ?? '/bin/busybox';
  const git = findProgram('git') ?? '/usr/bin/git';
  return {
    name: `${images.argocd.own}:${version}`,
    files: {
      ...Object.fromEntries(roles.map((role) => [`usr/local/bin/${role}`, tools.argocd])),
      'usr/bin/argocd': tools.argocd,
      'usr/bin/helm': tools.helm,
      ...(await withLibraries(git)),
      'usr/bin/git': git,
      ...Object.fromEntries(['sh', 'cp', 'ln', 'cat', 'ls'].map((name) => [`bin/${name}`, busybox])),
      // Git asks for the name of whoever it runs as.
      'etc/passwd': join(import.meta.dirname, '../images/argocd/passwd'),
    },
    entrypoint: [],
    user: '999',
  };
}

async function redisImage(): Promise<ScratchImage> {
  const redis = findProgram('redis-server') ?? '/usr/bin/redis-server';
  return {
    name: `${images.redis.own}:debian`,
    files: await withLibraries(redis),
    entrypoint: [redis],
    user: '999',
  };
}

/** Elsewhere the API server makes it, which the core has not. */
const defaultProject = {
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'AppProject',
  metadata: { name: 'default', namespace },
  spec: {
    sourceRepos: ['*'],
    destinations: [{ server: '*', namespace: '*' }],
    clusterResourceWhitelist: [{ group: '*', kind: '*' }],
  },
} as const;

const keyed = z.object({ data: z.object({ 'server.secretkey': z.string() }) });

/** A key that every part of Argo CD asks for, also where nobody signs with it. Elsewhere the API server makes it. */
async function makeKey(kubectl: Kubectl): Promise<void> {
  const metadata = { name: 'argocd-secret', namespace };
  const found = await kubectl.look(['get', 'secret', metadata.name, `--namespace=${namespace}`]);
  if (keyed.safeParse(found).success) return;
  const data = { 'server.secretkey': randomBytes(32).toString('base64') };
  await kubectl.run(['apply', '--server-side', '--field-manager=cardea-lab-argocd-key', '--filename=-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata, data }),
  });
}

/** A push arrives within seconds; elsewhere Argo CD asks every two minutes, or a web hook tells it. */
const soon = { 'timeout.reconciliation': '10s', 'timeout.reconciliation.jitter': '0s' } as const;

/** Images and patches of a kustomization. */
interface Changes {
  readonly images?: readonly object[];
  readonly patches: readonly object[];
}

/** What differs in the lab from what is published. */
function ofTheLab(version: string): Changes {
  return {
    images: [
      { name: images.argocd.published, newName: images.argocd.own, newTag: version },
      { name: images.redis.published, newName: images.redis.own, newTag: 'debian' },
    ],
    patches: [
      { target: { kind: 'ConfigMap', name: 'argocd-cm' }, patch: merge('v1', 'ConfigMap', { data: soon }) },
      ...['Deployment', 'StatefulSet'].map((kind) => ({
        target: { kind },
        patch: change('replace', '/spec/template/spec/containers/0/imagePullPolicy', 'IfNotPresent'),
      })),
      // There is no gpg in the image, and no repository of the lab is signed.
      {
        target: { kind: 'Deployment', name: 'argocd-repo-server' },
        patch: change('add', '/spec/template/spec/containers/0/env/-', { name: 'ARGOCD_GPG_ENABLED', value: 'false' }),
      },
    ],
  };
}

async function argoCdManifests(kubectl: Kubectl, manifests: string, changes: Changes): Promise<string> {
  return kustomized(kubectl, {
    links: {
      'core-install.yaml': join(manifests, 'core-install.yaml'),
      // With what healthy means for a datacenter: Argo CD has no rule for that.
      'argocd-cm.yaml': join(import.meta.dirname, '../../platform/argocd/argocd-cm.yaml'),
    },
    documents: { 'namespace.yaml': { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } } },
    fields: {
      namespace,
      resources: ['namespace.yaml', 'core-install.yaml'],
      images: changes.images ?? [],
      patches: [
        ...withoutApplicationSets,
        { target: { kind: 'ConfigMap', name: 'argocd-cm' }, path: 'argocd-cm.yaml' },
        ...changes.patches,
      ],
    },
  });
}

/** Nothing here makes applications from a template; the kind itself stays defined. */
const withoutApplicationSets = [
  ['v1', 'ServiceAccount'],
  ['v1', 'Service'],
  ['apps/v1', 'Deployment'],
  ['rbac.authorization.k8s.io/v1', 'Role'],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
  ['networking.k8s.io/v1', 'NetworkPolicy'],
].map(([apiVersion = '', kind = '']) => ({
  target: { kind, name: 'argocd-applicationset-controller.*' },
  patch: merge(apiVersion, kind, { $patch: 'delete' }),
}));

function merge(apiVersion: string, kind: string, fields: object): string {
  return JSON.stringify({ apiVersion, kind, metadata: { name: 'any' }, ...fields });
}

function change(op: 'add' | 'replace', path: string, value: unknown): string {
  return JSON.stringify([{ op, path, value }]);
}
