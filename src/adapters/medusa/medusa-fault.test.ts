import { expect, test } from 'vitest';
import { medusaFault } from './medusa-fault.ts';

function faultOf(...lines: readonly string[]) {
  return medusaFault({ command: 'backup', how: '1', lines, errors: [] });
}

test.each([
  [
    '[2026] ERROR: An error occurred (SlowDown) when calling the PutObject operation (reached max retries: 4): Please reduce your request rate.',
  ],
  [
    '[2026] ERROR: An error occurred (503) when calling the HeadObject operation (reached max retries: 4): Service Unavailable',
  ],
  ['[2026] ERROR: An error occurred (InternalError) when calling the UploadPart operation: try again'],
  ['botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL: "http://minio:9000/b/k"'],
  ['botocore.exceptions.ConnectTimeoutError: Connect timeout on endpoint URL: "https://s3/b"'],
  ['botocore.exceptions.ReadTimeoutError: Read timeout on endpoint URL: "https://s3/b"'],
  ['[2026] ERROR: Error downloading file from s3://b/k: Connection was closed before we received a valid response'],
  ['ConnectionResetError: [Errno 104] Connection reset by peer'],
  ['urllib3.exceptions.NewConnectionError: [Errno 111] Connection refused'],
])('a store that is away or busy is a fault of the moment: %s', (line) => {
  expect(faultOf('[2026] INFO: Backing up bank.edges-01', line)).toMatchObject({
    kind: 'retryable',
    code: 'medusa-store-unreachable',
    happened: `Medusa's backup failed (1): ${line}`,
  });
});

test.each([
  ['medusa-disk-full', 'OSError: [Errno 28] No space left on device'],
  ['medusa-disk-full', 'RuntimeError: Not enough space available'],
  [
    'medusa-store-full',
    '[2026] ERROR: An error occurred (XMinioStorageFull) when calling the PutObject operation: full',
  ],
  [
    'medusa-store-denied',
    '[2026] ERROR: An error occurred (AccessDenied) when calling the PutObject operation: Access Denied',
  ],
  [
    'medusa-store-denied',
    'botocore.exceptions.ClientError: An error occurred (403) when calling the HeadObject operation: Forbidden',
  ],
  ['medusa-store-denied', "PermissionError: [Errno 13] Permission denied: '/backups/medusa'"],
  ['medusa-backup-missing', '[2026] ERROR: No such backup'],
  ['medusa-manifest-damaged', 'json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)'],
  ['medusa-failed', '[2026] ERROR: the bucket is on fire'],
  ['medusa-failed', '[2026] INFO: Backing up 503 files of bank.edges-01'],
])('%s is final: %s', (code, line) => {
  expect(faultOf(line)).toMatchObject({ kind: 'failed', code });
});

test('a failed download says that the object does not exist, whatever the reason: the reason counts', () => {
  const fault = faultOf(
    '[2026] ERROR: Error downloading file from s3://b/k: An error occurred (503) when calling the GetObject operation: Slow',
    'medusa.storage.abstract_storage.ObjectDoesNotExistError: Object k does not exist',
    'tenacity.RetryError: RetryError[<Future at 0x7f state=finished raised ObjectDoesNotExistError>]',
  );
  expect(fault).toMatchObject({ kind: 'retryable', code: 'medusa-store-unreachable' });
});

test('what Medusa met and got over before does not hide what ended it', () => {
  expect(
    faultOf(
      '[2026] ERROR: An error occurred (SlowDown) when calling the PutObject operation',
      'OSError: [Errno 28] No space left on device',
    ),
  ).toMatchObject({ kind: 'failed', code: 'medusa-disk-full' });
});

test('a cause that a long traceback pushed out of the last lines is still told', () => {
  const error = '[2026] ERROR: An error occurred (ServiceUnavailable) when calling the PutObject operation';
  const traceback = Array.from({ length: 30 }, (_, at) => `  File "storage.py", line ${at}, in upload`);
  const fault = medusaFault({ command: 'backup', how: '1', lines: traceback, errors: [error] });
  expect(fault).toMatchObject({ code: 'medusa-store-unreachable', details: traceback });
});

test('without any word of it the exit is told', () => {
  expect(medusaFault({ command: 'download', how: 'SIGKILL', lines: [], errors: [] })).toMatchObject({
    code: 'medusa-failed',
    happened: "Medusa's download failed (SIGKILL): it said nothing",
  });
});

test('a file that a download does not find was there before: its store is away for the moment', () => {
  const line =
    "FileNotFoundError: [Errno 2] No such file or directory: '/mnt/backups/medusa/n1/data/bank/t/nb-1-big-Data.db'";
  const lines = [line, 'tenacity.RetryError: RetryError[<Future at 0x7f state=finished raised FileNotFoundError>]'];
  expect(medusaFault({ command: 'download', how: '1', lines, errors: [] })).toMatchObject({
    kind: 'retryable',
    code: 'medusa-store-unreachable',
    next: 'Check that the directory of the store is there and holds that file, then try again.',
  });
  expect(medusaFault({ command: 'backup', how: '1', lines, errors: [] })).toMatchObject({ code: 'medusa-failed' });
});
