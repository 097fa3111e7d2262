import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabAddon } from './addon.ts';
import type { ScratchImage } from './image-archive.ts';
import { shellImage } from './images.ts';
import { partFolder } from './part-build.ts';
import { labPart } from './parts.ts';

const programs = ['controller', 'webhook', 'entrypoint', 'nop', 'workingdirinit'] as const;

/** Tekton Pipelines: its own manifests, with images made from its own programs. No remote resolvers: the lab reaches no remote. */
export function tekton(cache: string): LabAddon {
  const part = labPart('tekton');
  const folder = partFolder(cache, part);
  const namespace = 'tekton-pipelines';
  return {
    name: 'tekton',
    title: part.title,
    version: part.version,
    images: programs.map((program) => image(program, part.version, join(folder, program))),
    manifests: async () => manifests(join(folder, 'config'), part.version),
    deployments: ['tekton-pipelines-controller', 'tekton-pipelines-webhook'].map((name) => ({ namespace, name })),
  };
}

/** As `ko` builds them: the controller asks for its helpers at these paths. */
function image(program: string, version: string, file: string): ScratchImage {
  const path = `ko-app/${program}`;
  return { name: imageName(program, version), files: { [path]: file }, entrypoint: [`/${path}`], user: '65532' };
}

function imageName(program: string, version: string): string {
  return `docker.io/cardea/tekton-${program}:${version}`;
}

/** The released manifests are these files with images filled in. An autoscaler needs metrics that the lab has not. */
function manifests(folder: string, version: string): string {
  const isApplied = (name: string) => name.endsWith('.yaml') && !['webhook-hpa.yaml', 'events.yaml'].includes(name);
  const files = [
    ...readdirSync(folder),
    ...readdirSync(join(folder, '300-crds')).map((name) => join('300-crds', name)),
  ];
  const documents = files
    .filter(isApplied)
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'));
  return documents
    .join('\n---\n')
    .replaceAll(/ko:\/\/github\.com\/tektoncd\/pipeline\/cmd\/([a-z]+)/g, (_all, name: string) =>
      // Results of a step are read from its log only when asked for, which the lab does not.
      imageName(name === 'sidecarlogresults' ? 'nop' : name, version),
    )
    .replaceAll(/cgr\.dev\/chainguard\/busybox@sha256:[0-9a-f]+/g, shellImage)
    .replaceAll('"devel"', `"${version}"`);
}
