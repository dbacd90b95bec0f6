import { describe, expect, test } from 'vitest';
import { factColumns, factText, titleOf } from './facts';
import { joinResults } from './HostChecks';
import { AgentNumbers } from './series';

describe('facts', () => {
  test('have titles as people write them', () => {
    expect(titleOf('memory_bytes')).toBe('Memory');
    expect(titleOf('machine_id')).toBe('Machine id');
    expect(titleOf('cpus')).toBe('CPUs');
  });

  test('are written with the unit that their name tells', () => {
    expect(factText('memory_bytes', 2 ** 30)).toBe('1 GiB');
    expect(factText('up', true)).toBe('yes');
    expect(factText('addresses', ['10.0.0.1', 'fe80::1'])).toBe('10.0.0.1, fe80::1');
    expect(factText('year', 1970)).toBe('1970');
    expect(factText('nothing', '')).toBe('–');
    expect(factText('tree', { a: [1] })).toBe('{"a":[1]}');
  });

  test('get columns for what most of them have', () => {
    const facts = [
      { attributes: { a: 1, rare: 1, b: '' } },
      { attributes: { a: 2, b: 'x' } },
      { attributes: { b: 'y' } },
    ];
    expect(factColumns(facts, 2)).toEqual(['a', 'b']);
    expect(factColumns([{ attributes: null }, {}])).toEqual([]);
  });
});

test('results are joined with the runs of their checks, the worst first', () => {
  const result = (check: string, status: 'ok' | 'critical' | 'unknown') => ({
    id: check,
    check,
    status,
    output: '',
    time: '',
    received_at: '',
    duration_us: 0,
  });
  const sample = (name: string, labels: Record<string, string>, value: string) => ({
    metric: { __name__: `picket_agent_${name}`, ...labels },
    value: [0, value] as [number, string],
  });
  const numbers = new AgentNumbers([
    sample('check_runs_total', { check: 'cpu' }, '7'),
    sample('check_failures_total', { check: 'cpu', reason: 'timeout' }, '1'),
    sample('check_failures_total', { check: 'cpu', reason: 'panic' }, '2'),
  ]);
  const rows = joinResults([result('cpu', 'ok'), result('disk', 'unknown'), result('zoo', 'critical')], numbers);
  expect(rows.map((r) => [r.check, r.runs, r.failures])).toEqual([
    ['zoo', undefined, 0],
    ['disk', undefined, 0],
    ['cpu', 7, 3],
  ]);
});
