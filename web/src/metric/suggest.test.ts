import { describe, expect, test } from 'vitest';
import { remember, search } from './history';
import { selectorOf, suggest } from './suggest';

describe('a metric becomes a query', () => {
  test.each([
    ['node_load1', 'gauge', 'node_load1'],
    ['node_cpu_seconds_total', 'counter', 'rate(node_cpu_seconds_total[5m])'],
    ['some_total', 'unknown', 'rate(some_total[5m])'],
    ['x_seconds_bucket', 'histogram', 'histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket[5m])))'],
    ['x_seconds_count', 'histogram', 'rate(x_seconds_count[5m])'],
    ['x_seconds', 'histogram', 'histogram_quantile(0.95, sum(rate(x_seconds[5m])))'],
    ['x_seconds', 'summary', 'x_seconds'],
  ])('%s, a %s: %s', (name, type, query) => expect(suggest({ name, type })).toBe(query));

  test('that is narrowed down by what was clicked', () => {
    const matchers = [
      { label: 'instance', value: 'a.b:9100' },
      { label: 'mode', value: 'idle' },
      { label: 'instance', value: 'c"d' },
    ];
    expect(suggest({ name: 'x_total', type: 'counter' }, matchers)).toBe(
      'rate(x_total{instance=~"a\\\\.b:9100|c\\"d", mode="idle"}[5m])',
    );
  });

  test('also when its name or a label needs quotes', () => {
    expect(selectorOf('http.server.duration', [{ label: 'http.route', value: '/' }])).toBe(
      '{"http.server.duration", "http.route"="/"}',
    );
  });
});

describe('the history', () => {
  test('has the newest first, each query once, 100 at most', () => {
    let past = remember([], 'up', 1);
    past = remember(past, 'node_load1', 2);
    past = remember(past, 'up', 3);
    expect(past).toEqual([
      { query: 'up', at: 3 },
      { query: 'node_load1', at: 2 },
    ]);
    for (let i = 0; i < 150; i++) past = remember(past, `q${i}`, i);
    expect(past).toHaveLength(100);
    expect(remember(past, '  ', 5)).toBe(past);
  });

  test('is searched by words in any order', () => {
    const past = [
      { query: 'rate(node_cpu_seconds_total[5m])', at: 1 },
      { query: 'node_load1', at: 2 },
    ];
    expect(search(past, 'CPU rate')).toEqual([past[0]]);
    expect(search(past, '')).toEqual(past);
  });
});
