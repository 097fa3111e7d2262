import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { configMistakes, mistakeText } from './config-mistakes.ts';

const mistakes = (written: unknown) => configMistakes(written).map(mistakeText);
const sandbox = { kind: 'sandbox' };

test('a valid configuration has no mistakes', () => {
  expect(mistakes({ name: 'bank', environments: { local: { platform: sandbox } } })).toEqual([]);
});

test('every mistake of a file is listed in one reading, each with its path, what is wrong and what would be right', () => {
  const wrong = {
    name: 'My Bank',
    enviroments: {},
    environments: {
      'Bad Name': { platform: sandbox },
      dev: {
        platform: { kind: 'sandbx' },
        promotesTo: 'prd',
        sinc: 'manual',
        sync: 'manul',
        backup: { schedule: '0 25 * * *', retention: { keep: '3 days', atLeast: 0 }, store: { kind: 's4' } },
      },
      prod: {
        platform: { kind: 'kubernetes' },
        backup: { minimumFreeShare: 2, store: { kind: 's3', bucket: 'ab', bukcet: 'x', region: 4 } },
        janusgraph: { replicationFactor: 9 },
      },
      slow: {
        platform: sandbox,
        backup: { log: { interval: '20s' } },
        objectives: { rpo: '2m' },
      },
      empty: {},
    },
  };
  expect(mistakes(wrong).sort()).toEqual(
    [
      'name: is "My Bank"; a name consists of lower-case letters, digits and dashes',
      'enviroments: is not a known setting; did you mean "environments"?',
      'environments."Bad Name": is not a valid name; an environment name is a DNS label: lower-case letters, digits and dashes',
      'environments.dev.platform.kind: is "sandbx"; did you mean "sandbox"? use one of sandbox, kubernetes',
      'environments.dev.promotesTo: no environment is named "prd"; use one of dev, prod, slow, empty',
      'environments.dev.sinc: is not a known setting; did you mean "sync"?',
      'environments.dev.sync: is "manul"; did you mean "manual"? use one of automatic, manual',
      'environments.dev.backup.schedule: "25" is not a valid hour of a schedule; use 0 to 23, *, lists, ranges and steps',
      'environments.dev.backup.retention.keep: is "3 days"; a duration looks like 90s, 5m, 4h, 30d or 1h30m',
      'environments.dev.backup.retention.atLeast: is 0; write a number above 0',
      'environments.dev.backup.store.kind: is "s4"; did you mean "s3"? use one of directory, s3',
      'environments.prod.platform.namespace: is missing; write a string',
      'environments.prod.backup.minimumFreeShare: is 2; use at most 0.9',
      'environments.prod.backup.store.bucket: is too short; use at least 3 characters',
      'environments.prod.backup.store.bukcet: is not a known setting; did you mean "bucket"?',
      'environments.prod.backup.store.region: is a number; write a string',
      'environments.prod.janusgraph.replicationFactor: 9 replicas need more than 3 nodes; use at most 3',
      'environments.slow.backup.log.interval: an RPO of 2m is kept for sure with at most a twentieth of it between two pieces; use 6s or less',
      'environments.empty.platform: is missing; write an object with kind, heapMb, namespace, context',
    ].sort(),
  );
});

test('an operator key is an Ed25519 public key; a private one is refused and not repeated', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const operatorKeys = {
    ana: pem,
    ben: secret,
    cleo: 'ssh-ed25519 AAAA',
    dan: rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
  const told = mistakes({ name: 'bank', environments: { local: { platform: sandbox } }, operatorKeys });
  const wanted = 'paste the Ed25519 public key (PEM) that the file audit.key.pub holds';
  expect(told).toEqual([
    `operatorKeys.ben: is a private key, which is a secret; ${wanted}, and make a new pair`,
    `operatorKeys.cleo: is no public key; ${wanted}`,
    `operatorKeys.dan: is a key of the kind rsa; ${wanted}`,
  ]);
});

test('F1: a secret written where a reference belongs is refused and not repeated', () => {
  const store = {
    kind: 's3',
    bucket: 'backups',
    accessKeyId: 'AKIAEXAMPLE',
    secretAccessKey: { env: 'hunter2-lower' },
  };
  const found = mistakes({
    name: 'bank',
    environments: { dev: { platform: sandbox, backup: { store } } },
    notifications: { slack: { webhook: 'https://hooks.example.com/T0/secret' } },
  });
  expect(found).toHaveLength(3);
  expect(found.join('\n')).not.toMatch(/AKIA|hunter2|T0\/secret/);
  expect(found[0]).toContain(
    "write where the secret is kept: { env: 'NAME' }, { file: '/path' } or { secret: 'name', key: 'key' }",
  );
});

test.each([
  [undefined, '(file): is missing; write an object with name, repository'],
  [[], '(file): is a list; write an object with name'],
  [{ name: 'bank', environments: {} }, 'environments: at least one environment is needed'],
])('a file that holds %j is told what to hold', (written, says) => {
  expect(mistakes(written).join('\n')).toContain(says);
});
