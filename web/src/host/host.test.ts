import { describe, expect, test } from 'vitest';
import type { Agent } from '../agent/agent';
import { certificateEnd, countHosts, filterHosts, joinHosts, type OneHost, rankOf } from './host';
import { joinNumbers } from './numbers';
import { severityOf, severityOfResult, worse } from './severity';

const agent = (instance: string, more: Partial<Agent> = {}): Agent => ({
  id: `id-${instance}`,
  instance,
  hostname: instance,
  state: 'up',
  os: 'linux',
  arch: 'amd64',
  version: '1.0.0',
  fingerprint: '',
  enrolled_with: '',
  enrolled_at: '2026-01-01T00:00:00Z',
  gaps: 0,
  ...more,
});

const sample = (metric: Record<string, string>, value: string) => ({ metric, value: [0, value] as [number, string] });

const filter = { text: '', states: [], os: '', attention: false };

describe('severity', () => {
  test('begins where an operator would look', () => {
    expect(severityOf('disk', 0.79)).toBe('ok');
    expect(severityOf('disk', 0.8)).toBe('warning');
    expect(severityOf('disk', 0.9)).toBe('critical');
    expect(severityOf('memory', 0.9)).toBe('critical');
    expect(severityOf('cpu', 0.89)).toBe('ok');
    expect(severityOf('cpu', 1)).toBe('warning');
    expect(severityOf('load', 20)).toBe('warning');
  });

  test('of what is not known is none', () => {
    expect(severityOf('cpu', undefined)).toBe('ok');
    expect(severityOf('cpu', Number.NaN)).toBe('ok');
    expect(severityOfResult(undefined)).toBe('ok');
  });

  test('of a result that says nothing is worth a look', () => {
    expect(severityOfResult('unknown')).toBe('warning');
    expect(severityOfResult('major')).toBe('critical');
    expect(worse('critical', 'ok')).toBe('critical');
  });
});

describe('joinNumbers', () => {
  test('puts the answers together by instance and leaves out what is no number', () => {
    const joined = joinNumbers({
      cpu: [sample({ instance: 'a' }, '0.5'), sample({ instance: 'b' }, 'NaN')],
      disk: [sample({ instance: 'a', mountpoint: '/var' }, '0.91')],
      uptime: [sample({ instance: 'b' }, '60'), sample({}, '1')],
    });
    expect(joined).toEqual(
      new Map([
        ['a', { cpu: 0.5, disk: 0.91, mount: '/var' }],
        ['b', { uptime: 60 }],
      ]),
    );
  });
});

describe('joinHosts', () => {
  const numbers = new Map([
    ['full', { disk: 0.95 }],
    ['warm', { memory: 0.85 }],
    ['gone', { disk: 0.95 }],
  ]);
  const hosts = joinHosts(
    [
      agent('calm-10'),
      agent('calm-9'),
      agent('gone', { state: 'revoked' }),
      agent('warm'),
      agent('never', { state: 'never' }),
      agent('full'),
      agent('late', { state: 'warn' }),
      agent('lost', { state: 'down' }),
      agent('broken', { worst_result: { status: 'critical', not_ok: 2 } }),
    ],
    numbers,
  );

  test('puts first who needs attention, then goes by name as people count', () => {
    expect(hosts.map((h) => h.instance)).toEqual([
      'lost',
      'late',
      'broken',
      'full',
      'warm',
      'never',
      'calm-9',
      'calm-10',
      'gone',
    ]);
  });

  test('shows no numbers of hosts that are shut out', () => {
    expect(hosts.at(-1)?.numbers).toEqual({});
  });

  test('is of use before the numbers have come', () => {
    expect(joinHosts([agent('a')], undefined)[0]?.numbers).toEqual({});
  });

  test('of hosts that are as bad, the one with more trouble comes first', () => {
    const more = new Map([
      ['a', { disk: 0.95 }],
      ['b', { disk: 0.95, memory: 0.95 }],
      ['c', { disk: 0.95, cpu: 1 }],
    ]);
    expect(joinHosts([agent('a'), agent('b'), agent('c')], more).map((h) => h.instance)).toEqual(['b', 'c', 'a']);
  });

  test('silence outranks every number', () => {
    expect(rankOf('warn', 'ok')).toBeGreaterThan(rankOf('up', 'critical'));
  });

  test('counts by state and by who needs attention', () => {
    expect(countHosts(hosts)).toEqual({
      states: { up: 5, down: 1, warn: 1, never: 1, revoked: 1 },
      systems: { linux: 9 },
      attention: 5,
    });
  });

  test('filters by words, states, system and attention', () => {
    const named = (f: Partial<typeof filter>) => filterHosts(hosts, { ...filter, ...f }).map((h) => h.instance);
    expect(named({ text: 'CALM 9' })).toEqual(['calm-9']);
    expect(named({ states: ['down', 'warn'] as never })).toEqual(['lost', 'late']);
    expect(named({ attention: true })).toEqual(['lost', 'late', 'broken', 'full', 'warm']);
    expect(named({ os: 'windows' })).toEqual([]);
  });
});

test('the newest certificate that is not revoked counts', () => {
  const issued = { serial: '', not_before: '', issued_at: '' };
  const host = {
    certificates: [
      { ...issued, not_after: '2026-03-01T00:00:00Z', revoked_at: '2026-01-01T00:00:00Z' },
      { ...issued, not_after: '2026-02-01T00:00:00Z' },
      { ...issued, not_after: '2026-01-01T00:00:00Z' },
    ],
  } as OneHost;
  expect(certificateEnd(host)).toBe(Date.parse('2026-02-01T00:00:00Z'));
  expect(certificateEnd({ certificates: [] } as unknown as OneHost)).toBeUndefined();
});
