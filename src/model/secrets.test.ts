import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { rememberSecret, withoutSecrets } from './secrets.ts';

const secret = 'plant/ed+secret="1"';
rememberSecret(secret);

test.each([
  ['as it is', secret],
  ['in an address', encodeURIComponent(secret)],
  ['in JSON', JSON.stringify(secret).slice(1, -1)],
  ['in base 64', Buffer.from(secret).toString('base64')],
])('a remembered secret is cut out of a text: %s', (_how, written) => {
  expect(withoutSecrets(`before ${written} after ${written}`)).toBe('before (secret) after (secret)');
});

test('of two secrets of which one begins the other, nothing stays', () => {
  rememberSecret('planted-beginning');
  rememberSecret('planted-beginning-and-end');
  expect(withoutSecrets('x planted-beginning-and-end y')).toBe('x (secret) y');
});

test('every line of a private key is a secret, whether the whole is quoted or a part', () => {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
  rememberSecret(pem);
  const [, first = '', second = ''] = pem.split('\n');
  expect(withoutSecrets(`a ${pem.trim()} b`)).toBe('a (secret) b');
  expect(withoutSecrets(`a ${first} b ${second}`)).toBe('a (secret) b (secret)');
});

test.each([
  ['ws://dana:hunter2@graph:8182/gremlin failed', 'ws://(secret)@graph:8182/gremlin failed'],
  ['sent Authorization: Bearer 0123456789abcdef0123', 'sent Authorization: Bearer (secret)'],
  ['GET /x?X-Amz-Signature=12ab&y=1', 'GET /x?X-Amz-Signature=(secret)&y=1'],
  ['Credential=AKIA/eu, Signature=ff00', 'Credential=(secret), Signature=(secret)'],
  ['-----BEGIN PRIVATE KEY-----\nabc', '(secret)'],
])('what is a secret by its form needs no remembering: %s', (text, cut) => {
  expect(withoutSecrets(text)).toBe(cut);
});

test('an empty or very short value is not cut out of every word', () => {
  rememberSecret('');
  rememberSecret('no');
  const plain = 's3://bucket at host:9000, the basic settings of node-1; write to ana@example.com';
  expect(withoutSecrets(plain)).toBe(plain);
});
