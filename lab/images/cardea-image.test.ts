import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cardeaConfiguration, cardeaFiles, cardeaPackages } from './cardea-image.ts';

const checkout = join(import.meta.dirname, '../..');
/** Instructions of the Dockerfile, each on one line. */
const instructions = readFileSync(join(checkout, 'platform/images/cardea/Dockerfile'), 'utf8')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, ' ')
  .split('\n')
  .filter((line) => line !== '');

test('the Dockerfile unpacks the Debian packages that the builder unpacks, and leaves out the same', () => {
  const words = one(/debian-root\.sh \S+ \S+ (.*)$/)
    .trim()
    .split(/\s+/);
  expect(words.filter((word) => !word.startsWith('-'))).toEqual(cardeaPackages.install);
  expect(words.filter((word) => word.startsWith('-')).map((word) => word.slice(1))).toEqual(cardeaPackages.leaveOut);
});

test('the Dockerfile installs the Medusa of the sandbox, and makes its part by the script of the builder', () => {
  expect(one(/^COPY (\S+medusa\S+ \S+) \/build\/$/)).toBe(
    'src/toolchain/parts/medusa-requirements.txt platform/images/cardea/medusa-root.sh',
  );
});

test('the Dockerfile copies what the builder places, and removes what the builder leaves out', () => {
  const copied = instructions.flatMap((line) => /^COPY ([A-Za-z.-]+) \.\/\S*$/.exec(line)?.[1] ?? []);
  expect(copied).toEqual(['LICENSE', 'src']);
  const files = cardeaFiles(checkout);
  expect(new Set(files.map((path) => path.split('/')[0]))).toEqual(new Set(['LICENSE', 'package.json', 'src']));
  expect(files).toContain('src/cli/main.ts');
  expect(files.filter((path) => /\.test\.ts$|golden-/.test(path))).toEqual([]);
  expect(one(/^RUN find src (.*) \| xargs rm$/)).toBe("-name '*.test.ts' -o -name 'golden-*'");
});

test('the image of the Dockerfile runs as the one of the builder does: not as root, and with the same variables', () => {
  expect(one(/^USER (.*)$/)).toBe(cardeaConfiguration.user);
  expect(Number(cardeaConfiguration.user.split(':')[0])).toBeGreaterThan(0);
  expect(JSON.parse(one(/^ENTRYPOINT (.*)$/))).toEqual(cardeaConfiguration.entrypoint);
  const variables = one(/^ENV (.*)$/).split(' ');
  expect(Object.fromEntries(variables.map((each) => each.split('=')))).toEqual(cardeaConfiguration.environment);
});

/** What the pattern takes from the one instruction that it fits. */
function one(pattern: RegExp): string {
  const found = instructions.flatMap((line) => pattern.exec(line)?.[1] ?? []);
  expect(found).toHaveLength(1);
  return found[0] ?? '';
}
