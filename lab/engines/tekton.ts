import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabAddon } from './addon.ts';
import type { ScratchImage } from '../images/image-archive.ts';
import { shellImage } from '../images/images.ts';
import type { Carried, PublishedEngine } from './published-engine.ts';
import { partFolder } from '../building/part-build.ts';
import { labPart } from '../building/parts.ts';

const namespace = 'tekton-pipelines';
const programs = ['controller', 'webhook', 'entrypoint', 'nop', 'workingdirinit'] as const;

/** Tekton Pipelines: its own manifests, with images made from its own programs. */
export function tekton(cache: string): LabAddon {
  const part = labPart('tekton');
  const folder = partFolder(cache, part);
  const config = join(folder, 'config');
  return {
    name: 'tekton',
    title: part.title,
    version: part.version,
    images: async () => programs.map((program) => image(program, part.version, join(folder, program))),
    manifests: async () => tektonManifests(config, part.version, labImage),
    workloads,
  };
}

/** As Tekton publishes it, for a cluster that reaches registries. */
export function publishedTekton(carried: Carried): PublishedEngine {
  const part = labPart('tekton');
  return {
    title: part.title,
    version: part.version,
    definition: 'pipelineruns.tekton.dev',
    manifests: async () => tektonManifests(join(await carried(part), 'config'), part.version, publishedImage),
    workloads,
  };
}

const workloads: LabAddon['workloads'] = [
  { namespace, name: 'deployment/tekton-pipelines-controller' },
  { namespace, name: 'deployment/tekton-pipelines-webhook' },
];

/** Name of the image of a program, by its place in Tekton's source. */
type ImageOf = (program: string, version: string) => string;

/** As Tekton publishes them: `ko` puts a hash of the program's path behind its name. */
const publishedImage: ImageOf = (program, version) => {
  const hash = createHash('md5').update(`github.com/tektoncd/pipeline/cmd/${program}`).digest('hex');
  return `ghcr.io/tektoncd/pipeline/${program}-${hash}:${version}`;
};

/** Results of a step are read from its log only when asked for, which the lab does not: so there is no image for that. */
const labImage: ImageOf = (program, version) =>
  `docker.io/cardea/tekton-${program === 'sidecarlogresults' ? 'nop' : program}:${version}`;

/** As `ko` builds them: the controller asks for its helpers at these paths. */
function image(program: string, version: string, file: string): ScratchImage {
  const path = `ko-app/${program}`;
  return { name: labImage(program, version), files: { [path]: file }, entrypoint: [`/${path}`], user: '65532' };
}

/** What Tekton's defaults leave to chance: no pod of a mesh to wait for, pods that a restricted namespace lets in, and the pod of a cancelled run kept for its log. */
const flags = {
  'running-in-environment-with-injected-sidecars': 'false',
  'set-security-context': 'true',
  'keep-pod-on-cancel': 'true',
} as const;

/**
 * Tekton's release is these files with images and version filled in. Left out: the autoscaler, which needs metrics that a lab has not, the sender of
 * cloud events, and the resolvers of remote pipelines.
 */
function tektonManifests(config: string, version: string, imageOf: ImageOf): string {
  const left = new Set(['webhook-hpa.yaml', 'events.yaml', 'config-leader-election-events.yaml']);
  const inFolder = (folder: string) => readdirSync(join(config, folder)).map((name) => join(folder, name));
  const files = [...inFolder('100-namespace'), ...inFolder('.'), ...inFolder('300-crds')]
    .filter((name) => name.endsWith('.yaml') && !left.has(name))
    .sort();
  const text = files
    .map((name) => readFileSync(join(config, name), 'utf8'))
    .join('\n---\n')
    .replaceAll(/ko:\/\/github\.com\/tektoncd\/pipeline\/cmd\/([a-z]+)/g, (_all, name: string) =>
      imageOf(name, version),
    )
    .replaceAll('"devel"', `"${version}"`);
  const own =
    imageOf === publishedImage ? text : text.replaceAll(/cgr\.dev\/chainguard\/busybox@sha256:[0-9a-f]+/g, shellImage);
  return Object.entries(flags).reduce(
    (filled, [flag, value]) => filled.replace(new RegExp(`^  ${flag}: ".*"$`, 'm'), `  ${flag}: "${value}"`),
    own,
  );
}
