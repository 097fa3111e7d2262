import { asProblem, type Problem } from '../model/problem.ts';
import type { Level } from './environment-status.ts';
import { noPaint, type Paint } from './output.ts';
import { levelWord } from './status-lines.ts';

/** What one look of the doctor found. */
export interface Finding {
  readonly name: string;
  readonly level: Level;
  readonly says: string;
  readonly details?: readonly string[];
  readonly next?: string;
}

/** Takes one look; a thrown problem is the finding, with its own next step. `says` is what a good look says. */
export async function look(name: string, work: () => Promise<string | Omit<Finding, 'name'>>): Promise<Finding> {
  try {
    const found = await work();
    return typeof found === 'string' ? { name, level: 'good', says: found } : { name, ...found };
  } catch (thrown) {
    return { name, ...fromProblem(asProblem(thrown, name)) };
  }
}

function fromProblem({ happened, details, next }: Problem): Omit<Finding, 'name'> {
  return { level: 'bad', says: happened, next, ...(details.length === 0 ? {} : { details }) };
}

export function examinationText(findings: readonly Finding[], paint: Paint = noPaint): string {
  const width = Math.max(...findings.map((finding) => finding.name.length), 0);
  const indent = ' '.repeat(width + 13);
  const lines = findings.flatMap((finding) => [
    `  ${levelWord(finding.level, paint)}  ${finding.name.padEnd(width)}  ${finding.says.replaceAll('\n', `\n${indent}`)}`,
    ...(finding.details ?? []).map((detail) => `${indent}- ${detail}`),
    ...(finding.next === undefined || finding.level === 'good'
      ? []
      : [`${indent}${paint('dim', `→ ${finding.next}`)}`]),
  ]);
  const bad = findings.filter((finding) => finding.level === 'bad').length;
  const verdict =
    bad === 0
      ? paint('green', 'Everything that was tried works.')
      : paint('red', `${bad} of ${findings.length} do NOT work.`);
  return [...lines, '', verdict].join('\n');
}
