import { Matcher } from '@prometheus-io/codemirror-promql/dist/esm/types';
import { EqlRegex, EqlSingle } from '@prometheus-io/lezer-promql';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CompletionClient } from './client';

let asked: URL[] = [];
let answer: (url: URL) => unknown = () => ({});
beforeEach(() => {
  asked = [];
  vi.stubGlobal('fetch', async (path: string) => {
    const url = new URL(path, 'http://picket');
    asked.push(url);
    return new Response(JSON.stringify(answer(url)));
  });
});
afterEach(() => vi.unstubAllGlobals());

const client = () => new CompletionClient(() => ({ from: 3600, to: 7200 }));

test('metric names are found by what is typed, 50 at most, and asked once; what they are is known without asking', async () => {
  answer = () => ({ items: [{ name: 'node_load1', type: 'gauge', help: '1m load', unit: '' }], total: 150_000 });
  const c = client();
  c.typed = 'load';
  expect(await c.metricNames()).toEqual(['node_load1']);
  await c.metricNames();
  expect(asked.map((u) => u.pathname + u.search)).toEqual(['/api/v1/metric-names?search=load&limit=50']);
  expect(await c.metricMetadata()).toEqual({ node_load1: [{ type: 'gauge', help: '1m load' }] });
  expect(asked).toHaveLength(1);
});

test('labels are those of the metric, without its name', async () => {
  answer = () => ({ data: ['__name__', 'cpu', 'mode'] });
  expect(await client().labelNames('node_cpu_seconds_total')).toEqual(['cpu', 'mode']);
  expect(asked[0]?.search).toBe('?match%5B%5D=node_cpu_seconds_total&start=3600&end=7200&limit=1000');
});

test('values keep to the other matchers; beyond a thousand, those are asked that hold what is typed', async () => {
  const few = (url: URL) => ({ data: [url.searchParams.get('match[]')], warnings: [] });
  answer = (url) => ({
    ...few(url),
    warnings: asked.length === 1 ? ['results truncated due to limit'] : [],
  });
  const c = client();
  c.typed = 'b.c';
  const matchers = [new Matcher(EqlSingle, 'job', 'node'), new Matcher(EqlRegex, 'instance', 'x')];
  expect(await c.labelValues('instance', 'up', matchers)).toEqual(['up{job="node",instance=~"(?i:.*b\\\\.c.*)"}']);
  expect(asked.map((u) => u.searchParams.get('match[]'))[0]).toBe('up{job="node"}');
  expect(asked.every((u) => u.searchParams.get('limit') === '1000')).toBe(true);
});

test('series are never asked for, and what failed is asked again', async () => {
  expect(await client().series()).toEqual([]);
  expect(asked).toEqual([]);
  const c = client();
  answer = () => {
    throw new Error('away');
  };
  await expect(c.labelNames('up')).rejects.toThrow();
  answer = () => ({ data: ['job'] });
  expect(await c.labelNames('up')).toEqual(['job']);
});
