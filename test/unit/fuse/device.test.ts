import { closeSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Device } from '../../../src/fuse/direct/device.ts';
import { Request } from '../../../src/fuse/direct/request.ts';

test('a device that cannot be read says why, and one that is closed has gone', () => {
  const fd = openSync('/', 'r');
  expect(new Device(fd).read(new Request())).toEqual({ kind: 'failed', code: 'EISDIR' });
  closeSync(fd);
  expect(new Device(fd).read(new Request())).toEqual({ kind: 'gone' });
});
