import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailedProblem } from '../../src/model/problem.ts';

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
  /** What Go calls its only program, after the folder of its source, where that says nothing. */
  readonly builtAs: string | undefined;
  readonly module: string;
  /** What `go build` is asked for: the tools of go.mod, or the program in the folder itself. */
  readonly target: 'tool' | '.';
  /** Files and folders of the module that are kept with the programs: its own manifests. */
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
  const { title, module, programs, builtAs, carries = [], target = 'tool', linked }: Definition = definitions[name];
  const source = join(import.meta.dirname, '../parts', name);
  const version = pinnedVersion(join(source, 'go.mod'), module);
  return { name, title, version, source, module, programs, builtAs, carries, target, linked: linked?.(version) ?? {} };
}

interface Definition {
  readonly title: string;
  readonly module: string;
  readonly programs: readonly string[];
  readonly builtAs?: string;
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
      'k8s.io/component-base/version.gitMajor': release(version)[0],
      'k8s.io/component-base/version.gitMinor': release(version)[1],
    }),
  },
  coredns: { title: 'CoreDNS', module: 'github.com/coredns/coredns', programs: ['coredns'], target: '.' },
  helm: {
    title: 'Helm',
    module: 'helm.sh/helm/v3',
    programs: ['helm'],
    // A chart that asks for the cluster's version gets the one that Helm was linked with, where there is no cluster.
    linked: (version: string) => ({
      'helm.sh/helm/v3/internal/version.version': version,
      ...Object.fromEntries(
        ['pkg/lint/rules', 'pkg/chartutil'].flatMap((folder) => [
          [`helm.sh/helm/v3/${folder}.k8sVersionMajor`, release(kubernetesVersion())[0]],
          [`helm.sh/helm/v3/${folder}.k8sVersionMinor`, release(kubernetesVersion())[1]],
        ]),
      ),
    }),
  },
  kubeconform: {
    title: 'kubeconform',
    module: 'github.com/yannh/kubeconform',
    programs: ['kubeconform'],
    linked: (version: string) => ({ 'main.version': version }),
  },
  tekton: {
    title: 'Tekton Pipelines',
    module: 'github.com/tektoncd/pipeline',
    programs: ['controller', 'entrypoint', 'nop', 'webhook', 'workingdirinit'],
    carries: ['config'],
  },
  tkn: {
    title: 'tkn',
    module: 'github.com/tektoncd/cli',
    programs: ['tkn'],
    target: '.',
    linked: (version: string) => ({ 'github.com/tektoncd/cli/pkg/cmd/version.clientVersion': version }),
  },
  'cass-operator': {
    title: 'cass-operator',
    module: 'github.com/k8ssandra/cass-operator',
    programs: ['cass-operator'],
    builtAs: 'cmd',
    carries: ['config'],
  },
  argocd: {
    title: 'Argo CD',
    module: 'github.com/argoproj/argo-cd/v3',
    programs: ['argocd'],
    builtAs: 'cmd',
    carries: ['manifests/crds', 'manifests/core-install.yaml'],
    linked: (version: string) => ({ 'github.com/argoproj/argo-cd/v3/common.version': version.slice(1) }),
  },
} as const satisfies Record<string, Definition>;

/** `v1.34.4` is release 1.34. */
function release(version: string): readonly [string, string] {
  const [major = '', minor = ''] = version.slice(1).split('.');
  return [major, minor];
}

function kubernetesVersion(): string {
  return pinnedVersion(join(import.meta.dirname, '../parts', 'kubernetes', 'go.mod'), 'k8s.io/kubernetes');
}

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
    next: 'Get the file from the repository again.',
  });
}
