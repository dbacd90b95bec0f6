import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EnrollToken } from './agent';
import { doctorLine, installLines, ways } from './install';
import { tokenState } from './TokenList';
import { compareVersions, countVersions, standing } from './version';

describe('versions', () => {
  test('are ordered by what they count', () => {
    const ordered = ['dev', '0.9.0', '0.10.0-rc.2', '0.10.0-rc.10', '0.10.0', '0.10.1', 'v1.0.0'];
    expect([...ordered].reverse().sort(compareVersions)).toEqual(ordered);
  });

  test.each([
    ['0.2.9', '0.10.0', 'behind'],
    ['0.10.0', '0.10.0', 'same'],
    ['0.10.0+abc', '0.10.0', 'same'],
    ['0.10.0-rc.1', '0.10.0', 'behind'],
    ['0.10.1', '0.10.0', 'ahead'],
    ['dev', '0.10.0', 'other'],
    ['dev', 'dev', 'same'],
    ['', '0.10.0', 'other'],
  ])('%s is to %s: %s', (version, collector, want) => expect(standing(version, collector)).toBe(want));

  test('are counted, the oldest first', () => {
    expect(countVersions(['0.3.0', '0.2.0', '0.3.0', '0.10.0'])).toEqual([
      { version: '0.2.0', count: 1 },
      { version: '0.3.0', count: 2 },
      { version: '0.10.0', count: 1 },
    ]);
  });
});

describe('the lines that install a host', () => {
  const read = (path: string) => readFileSync(join(import.meta.dirname, '../../..', path), 'utf8');

  test.each(ways.map((w) => w.value))('are those of the manual: %s', (way) => {
    const manual = read('docs/install.md').split('\n');
    for (const line of [...installLines(way, 'TOKEN').split('\n'), doctorLine(way)]) expect(manual).toContain(line);
  });

  test('are those that the collector prints', () => {
    const printed = read('cmd/picket-collector/token.go').replaceAll('%s', 'TOKEN');
    expect(printed).toContain(`  ${installLines('deb', 'TOKEN').split('\n').at(-1)}\n`);
    expect(printed).toContain(`  ${doctorLine('deb')}\n`);
    expect(printed).toContain(`  ${installLines('hand', 'TOKEN')}\n`);
  });
});

describe('a token', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  const token: EnrollToken = {
    id: '01a206ebf7aa73cb8c063652565f9a18',
    uses_left: 2,
    uses_max: 5,
    allow_reinstall: true,
    addresses: ['picket.example.org:4601'],
    created_by: 'admin',
    created_at: '2026-11-23T11:00:00Z',
    not_before: '2026-11-23T11:00:00Z',
    expires_at: '2026-11-24T11:00:00Z',
  };
  test.each([
    [{}, 'valid'],
    [{ uses_left: 0 }, 'used up'],
    [{ expires_at: '2026-11-23T12:00:00Z' }, 'expired'],
    [{ not_before: '2026-11-23T13:00:00Z' }, 'not yet valid'],
    [{ revoked_at: '2026-11-23T11:30:00Z', uses_left: 0 }, 'revoked'],
  ])('with %j is %s', (change, want) => expect(tokenState({ ...token, ...change }, now)).toBe(want));
});
