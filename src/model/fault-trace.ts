import { faultMessage } from './fault-message.ts';
import { Problem, type ProblemDocument, type TracedProblem } from './problem.ts';

/** However deep a fault lies and however much it says: what a log gets of it. */
const mostLines = 80;
/** Of a trace that another process told; of a step over many nodes it holds one for each. */
export const mostTold = 400;
const mostFrames = 12;
const mostMessageLines = 8;
const longestLine = 400;
const deepest = 10;

/**
 * Where a thrown value came from, for whoever has to find the fault in the code: its class and message, its frames
 * with file and line, then the same of everything that caused it. Empty for a problem that no fault caused, since it
 * says all there is. Paths are relative to Cardea's own folder, so that the lines tell nothing of the machine;
 * secrets and quoted input are left out.
 */
export function faultTrace(thrown: unknown): readonly string[] {
  if (thrown instanceof Problem && thrown.trace.length > 0) return bounded(thrown.trace, mostTold);
  if (!comesFromFault(thrown, new Set())) return [];
  // A problem is told by its own text already; its cause is not.
  const first = thrown instanceof Problem ? thrown.cause : thrown;
  return bounded(tell(first, '', new Set(thrown instanceof Problem ? [thrown] : []), 0), mostLines);
}

/** The problem as it goes over the wire and into an agent's log. */
export function tracedDocument(problem: Problem): TracedProblem {
  const document: ProblemDocument = problem.toDocument();
  const trace = faultTrace(problem);
  return trace.length === 0 ? document : { ...document, trace: [...trace] };
}

function comesFromFault(thrown: unknown, seen: Set<unknown>): boolean {
  if (!(thrown instanceof Problem)) return true;
  if (thrown.trace.length > 0) return true;
  if (seen.has(thrown) || thrown.cause === undefined) return false;
  return comesFromFault(thrown.cause, seen.add(thrown));
}

function tell(thrown: unknown, before: string, seen: Set<unknown>, depth: number): readonly string[] {
  if (seen.has(thrown)) return [`${before}(told above)`];
  if (depth >= deepest) return [`${before}(and so on)`];
  if (!(thrown instanceof Error)) return [`${before}no error was thrown but: ${shown(thrown)}`];
  seen.add(thrown);
  const told = thrown instanceof Problem && thrown.trace.length > 0 ? thrown.trace : framesOf(thrown);
  const lines = [...headOf(thrown, before), ...told.map((line) => `  ${line}`)];
  if (thrown.cause !== undefined) lines.push(...tell(thrown.cause, 'caused by ', seen, depth + 1));
  if (thrown instanceof AggregateError) {
    thrown.errors.forEach((error: unknown, at) => {
      lines.push(...tell(error, `caused by (${at + 1} of ${thrown.errors.length}) `, seen, depth + 1));
    });
  }
  return lines;
}

function headOf(error: Error, before: string): readonly string[] {
  const code = 'code' in error && typeof error.code === 'string' ? ` [${error.code}]` : '';
  // A class of its own that does not set its name is better known by the class.
  const name = error.name === 'Error' ? (error.constructor.name ?? error.name) : error.name;
  const [first = '', ...more] = withoutRoot(faultMessage(error)).split('\n');
  const kept = more.slice(0, mostMessageLines - 1).map((line) => `    ${line}`);
  return [`${before}${name}${code}: ${first}`, ...kept, ...(kept.length < more.length ? ['    …'] : [])];
}

/** The message stands in the stack too, and may look like frames: only what comes after it counts. */
function framesOf(error: Error): readonly string[] {
  const stack = error.stack ?? '';
  const at = stack.indexOf(error.message);
  const frames = stack
    .slice(at < 0 ? 0 : at + error.message.length)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => withoutMachine(line.trim()));
  const kept = frames.slice(0, mostFrames);
  return kept.length < frames.length ? [...kept, `… ${frames.length - kept.length} more`] : kept;
}

/** Of an object its fields' names: their values may be anything, the headers of a request too. */
function shown(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null)
    return `an object with ${Object.keys(thrown).join(', ') || 'nothing'}`;
  return withoutRoot(faultMessage(thrown));
}

/** Cardea's own folder as it stands in frames, as an address and as a path. */
const rootUrl = new URL('../../', import.meta.url).href;
const rootPath = decodeURIComponent(new URL(rootUrl).pathname);

function withoutRoot(text: string): string {
  return text.replaceAll(rootUrl, '').replaceAll(rootPath, '');
}

/** `at fn (src/node/job-table.ts:12:3)`. Of a file elsewhere, a configuration perhaps, its name is enough. */
function withoutMachine(frame: string): string {
  return withoutRoot(frame).replaceAll(/(?<=[\s(])(?:file:\/\/)?(?:\/[^/\s()]+)*\/(?=[^/\s()])/g, (folders) => {
    const at = folders.lastIndexOf('/node_modules/');
    return at < 0 ? '' : folders.slice(at + 1);
  });
}

function bounded(lines: readonly string[], most: number): readonly string[] {
  const kept = lines
    .slice(0, most)
    .map((line) => (line.length > longestLine ? `${line.slice(0, longestLine)}…` : line));
  return kept.length < lines.length ? [...kept, `… ${lines.length - kept.length} more lines`] : kept;
}
