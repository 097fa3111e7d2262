import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { plantedAt, plantedFault } from '../../test/support/planted-fault.ts';
import { faultTrace, tracedDocument } from './fault-trace.ts';
import { asProblem, FailedProblem, problemFromDocument, RetryableProblem, tracedProblem } from './problem.ts';
import { rememberSecret } from './secrets.ts';

const root = join(import.meta.dirname, '../..');
const text = { code: 'c', happened: 'It broke.', state: 's', next: 'n' };

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (thrown) {
    return thrown;
  }
  throw new TypeError('nothing was thrown');
}

test('a fault is told by class, message and frames with file and line, below the folder of Cardea', () => {
  const [first, second, ...more] = faultTrace(thrownBy(plantedFault));
  expect(first).toMatch(/^TypeError: Cannot read properties of undefined/);
  expect(second).toContain(plantedAt);
  expect(more.join('\n')).toContain('src/model/fault-trace.test.ts:');
  expect([first, second, ...more].join('\n')).not.toContain(root);
});

test('every cause follows, also those of several errors at once', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const both = new AggregateError([refused, new RangeError('too far')], 'no address worked');
  const lines = faultTrace(new Error('fetch failed', { cause: both }));
  expect(lines.filter((line) => !/^ {2}/.test(line))).toEqual([
    'Error: fetch failed',
    'caused by AggregateError: no address worked',
    'caused by (1 of 2) Error [ECONNREFUSED]: connect ECONNREFUSED',
    'caused by (2 of 2) RangeError: too far',
  ]);
});

test('causes that go in a circle end', () => {
  const first = new Error('first');
  const second = new Error('second', { cause: first });
  first.cause = second;
  expect(faultTrace(first).at(-1)).toBe('caused by (told above)');
  const problem = new FailedProblem({ ...text, cause: second });
  first.cause = problem;
  expect(faultTrace(problem).at(-1)).toBe('caused by (told above)');
});

test('a problem has a trace only when a fault is below it, at any depth', () => {
  const plain = new RetryableProblem(text);
  expect(faultTrace(plain)).toEqual([]);
  expect(faultTrace(new FailedProblem({ ...text, cause: plain }))).toEqual([]);
  const deep = new FailedProblem({ ...text, cause: new RetryableProblem({ ...text, cause: thrownBy(plantedFault) }) });
  const lines = faultTrace(deep).join('\n');
  expect(lines).toMatch(/^RetryableProblem \[c\]: It broke\./);
  expect(lines).toContain('caused by TypeError: ');
  expect(lines).toContain(plantedAt);
  expect(faultTrace(asProblem(thrownBy(plantedFault), 'Step x failed'))[0]).toMatch(/^TypeError: /);
});

test('the trace travels with a problem, and stays out of what a journal and a terminal get', () => {
  const problem = asProblem(thrownBy(plantedFault), 'The job failed');
  const sent = tracedProblem.parse(JSON.parse(JSON.stringify(tracedDocument(problem))));
  const arrived = problemFromDocument(sent);
  expect(faultTrace(arrived)).toEqual(faultTrace(problem));
  expect(faultTrace(new FailedProblem({ ...text, cause: arrived })).join('\n')).toContain(plantedAt);
  expect(arrived.toDocument()).toEqual(problem.toDocument());
  expect(JSON.stringify(arrived.toDocument())).not.toContain(plantedAt);
  expect(tracedDocument(new FailedProblem(text))).toEqual(new FailedProblem(text).toDocument());
});

test('what is no error is told as such', () => {
  for (const thrown of ['a text', undefined, null, { odd: true }, { toJSON: plantedFault }]) {
    expect(faultTrace(thrown)).toEqual([expect.stringMatching(/^no error was thrown but: /)]);
  }
});

test('a trace stays short, however long the messages, the stacks and the chain', () => {
  let fault = new Error('x'.repeat(100_000));
  for (let depth = 0; depth < 1000; depth += 1) fault = new Error('line\n'.repeat(100), { cause: fault });
  const many = new AggregateError(Array.from({ length: 500 }, () => fault));
  for (const thrown of [fault, many]) {
    const lines = faultTrace(thrown);
    expect(lines.length).toBeLessThan(90);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(410);
  }
});

test('frames name no folder of the machine: of a file elsewhere its name is enough, of a package its place there', () => {
  const fault = new Error('odd');
  fault.stack = [
    'Error: odd',
    `    at one (file://${root}/src/x.ts:1:2)`,
    `    at ${root}/src/y.ts:3:4`,
    `    at two (${homedir()}/bank/cardea.config.ts:5:6)`,
    '    at async three (file:///srv/other/node_modules/hono/dist/index.js:7:8)',
    '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
  ].join('\n');
  expect(faultTrace(fault).slice(1)).toEqual([
    '  at one (src/x.ts:1:2)',
    '  at src/y.ts:3:4',
    '  at two (cardea.config.ts:5:6)',
    '  at async three (node_modules/hono/dist/index.js:7:8)',
    '  at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
  ]);
});

test.each(['{"password": hunter2-planted}', 'hunter2-planted', '["aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", hunter2-planted]'])(
  'F1: JSON that cannot be read is not quoted: %s',
  (input) => {
    const fault = thrownBy(() => JSON.parse(input) as unknown);
    const problem = asProblem(new Error('outer', { cause: fault }), 'Reading');
    const told = [...faultTrace(problem), JSON.stringify(tracedDocument(asProblem(fault, 'Reading')))].join('\n');
    expect(told).toContain('SyntaxError: ');
    expect(told).not.toMatch(/hunter2|planted\b/);
  },
);

test('F1: secrets that were read and logins in addresses are in no trace and no document of a problem', () => {
  rememberSecret('AKIAPLANTEDSECRET');
  const fault = new Error('wss://dana:hunter2@graph:8182 refused AKIAPLANTEDSECRET');
  const problem = new FailedProblem({ ...text, happened: fault.message, details: [fault.message], cause: fault });
  const told = JSON.stringify([faultTrace(fault), tracedDocument(problem), asProblem(fault, 'x').happened]);
  expect(told).toContain('graph:8182');
  expect(told).not.toMatch(/hunter2|AKIAPLANTEDSECRET/);
});
