import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../src/model/problem.ts';

/**
 * What the lab builds, and from what. The versions are pinned in one place: `parts/<name>/go.mod` names the version, go.sum the hash of
 * every module, and what is built is what the `tool` lines of go.mod name, or the folder's own main.go.
 */
export interface LabPart {
  readonly name: string;
  readonly title: string;
  /** Of the part, as its makers write it: `v1.34.4`. */
  readonly version: string;
  /** Folder with go.mod and go.sum. */
  readonly source: string;
  /** Programs that it brings. */
  readonly programs: readonly string[];
  readonly module: string;
  /** What `go build` is asked for: the tools of go.mod, or the program in the folder itself. */
  readonly target: 'tool' | '.';
  /** Folders of the module that are kept with the programs: its own manifests. */
  readonly carries: readonly string[];
  /** Variables that the linker sets: Go programs built from modules do not know their version otherwise. */
  readonly linked: Readonly<Record<string, string>>;
}

export type PartName = keyof typeof definitions;

/** In the order they are built. */
export function labParts(): readonly LabPart[] {
  return (Object.keys(definitions) as PartName[]).map(labPart);
}

export function labPart(name: PartName): LabPart {
  const { title, module, programs, carries = [], target = 'tool', linked }: Definition = definitions[name];
  const source = join(import.meta.dirname, 'parts', name);
  const version = pinnedVersion(join(source, 'go.mod'), module);
  return { name, title, version, source, module, programs, carries, target, linked: linked?.(version) ?? {} };
}

interface Definition {
  readonly title: string;
  readonly module: string;
  readonly programs: readonly string[];
  readonly carries?: readonly string[];
  readonly target?: LabPart['target'];
  readonly linked?: (version: string) => Readonly<Record<string, string>>;
}

const definitions = {
  kubernetes: {
    title: 'Kubernetes',
    module: 'k8s.io/kubernetes',
    programs: ['kube-apiserver', 'kube-controller-manager', 'kube-proxy', 'kube-scheduler', 'kubectl', 'kubelet'],
    linked: (version: string) => ({
      'k8s.io/component-base/version.gitVersion': version,
      'k8s.io/component-base/version.gitMajor': version.split('.')[0]?.slice(1) ?? '',
      'k8s.io/component-base/version.gitMinor': version.split('.')[1] ?? '',
    }),
  },
  coredns: { title: 'CoreDNS', module: 'github.com/coredns/coredns', programs: ['coredns'], target: '.' },
} as const satisfies Record<string, Definition>;

function pinnedVersion(file: string, module: string): string {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) =>
      line
        .trim()
        .replace(/^require /, '')
        .split(' '),
    );
  const version = lines.find(([path, each]) => path === module && each !== undefined)?.[1];
  if (version !== undefined) return version;
  throw new FailedProblem({
    code: 'lab-version-not-pinned',
    happened: `${file} does not require ${module}.`,
    state: 'Nothing was built.',
    next: 'Restore the file from the repository.',
  });
}
