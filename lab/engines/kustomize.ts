import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kubectl } from './kubectl.ts';

interface Kustomization {
  /** What stands beside the kustomization: name to a file or folder of this machine. */
  readonly links: Readonly<Record<string, string>>;
  /** And what is written there: name to the document. */
  readonly documents?: Readonly<Record<string, object>>;
  /** Its fields, which name these. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What `kubectl kustomize` makes of others' manifests. Throws FailedProblem `kubectl-failed`. */
export async function kustomized(kubectl: Kubectl, { links, documents = {}, fields }: Kustomization): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'cardea-kustomize-'));
  try {
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(folder, name));
    const kustomization = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization', ...fields };
    for (const [name, document] of Object.entries({ ...documents, 'kustomization.yaml': kustomization })) {
      writeFileSync(join(folder, name), JSON.stringify(document));
    }
    // What a link points at lies outside the folder.
    return await kubectl.run(['kustomize', '--load-restrictor=LoadRestrictionsNone', folder]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
