import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportProgress } from '../../src/model/progress.ts';
import { labFolders } from '../folders.ts';
import { findGo } from './go.ts';
import { buildPart, partFolder } from './part-build.ts';
import { labPart } from './parts.ts';

/** Programs that work without a lab, too. */
const tools = {
  kubectl: 'kubernetes',
  helm: 'helm',
  kubeconform: 'kubeconform',
  tkn: 'tkn',
  argocd: 'argocd',
} as const;
export type LabTool = keyof typeof tools;

/** Path of each tool, whether it is built or not. `cache` is the folder of the built parts. */
export function toolPaths(cache: string): Readonly<Record<LabTool, string>> {
  const path = (tool: LabTool) => join(partFolder(cache, labPart(tools[tool])), tool);
  return {
    kubectl: path('kubectl'),
    helm: path('helm'),
    kubeconform: path('kubeconform'),
    tkn: path('tkn'),
    argocd: path('argocd'),
  };
}

/**
 * Path of the tool, built first where it is not there yet: Helm takes a minute or two of two cores, kubeconform a quarter of that. Needs no root and no
 * lab. Throws FailedProblem `lab-part-not-built` or `go-not-fetched`.
 */
export async function builtTool(
  tool: LabTool,
  options: { readonly progress: ReportProgress; readonly signal: AbortSignal },
): Promise<string> {
  const { parts: cache } = labFolders();
  mkdirSync(cache, { recursive: true });
  const say = (label: string) => {
    options.progress({ done: 0, unit: 'items', label });
  };
  const go = () => findGo({ cache, say, signal: options.signal });
  await buildPart(labPart(tools[tool]), { cache, go, ...options });
  return toolPaths(cache)[tool];
}
