import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, test } from 'vitest';
import type { Panel } from '../chart/ChartCard';
import type { Labels } from '../metric/promql';
import { fleetPanels, fleetWindow, pointsFor } from '../overview/panels';
import { topQueries } from '../overview/top';
import { agentPanels } from './agentPanels';
import { applicationPanels, splitting } from './application';
import { numberQueries } from './numbers';
import { rateWindow } from './panel';
import { hostPanels } from './panels';

/** Where a query is not PromQL; undefined when it is. */
function mistake(query: string): string | undefined {
  let at: string | undefined;
  parser.parse(query).iterate({
    enter: (n) => {
      if (n.type.isError) at ??= `${query.slice(0, n.from)}«${query.slice(n.from)}`;
    },
  });
  return at;
}

const awkward = 'a"b\\c{1}.example';
const queriesOf = (panels: Panel[]) => panels.flatMap((p) => p.sources.map((s) => s.query));

const application: Labels[] = [
  { __name__: 'shop_orders_total', instance: 'a', code: '200' },
  { __name__: 'shop_queue_length', instance: 'a' },
  { __name__: 'shop_wait_seconds_bucket', instance: 'a', le: '1' },
  { __name__: 'shop_wait_seconds_sum', instance: 'a' },
  { __name__: 'shop_wait_seconds_count', instance: 'a' },
  { __name__: 'db_query_seconds_sum', instance: 'a' },
  { __name__: 'db_query_seconds_count', instance: 'a' },
];

const all = (instance: string) => [
  ...hostPanels(instance, '40s').flatMap((g) => g.panels),
  ...agentPanels(instance, '40s'),
  ...applicationPanels(application, instance, '40s').flatMap((g) => g.panels),
];

describe('the panels of a host', () => {
  test('ask in PromQL, whatever the host is called', () => {
    expect(mistake('rate(x[1m]')).toBeDefined();
    expect(queriesOf(all(awkward)).map(mistake).filter(Boolean)).toEqual([]);
  });

  test('ask for nothing of other hosts', () => {
    for (const q of queriesOf(all('web-1'))) {
      expect(q.split('instance="web-1"').length - 1, q).toBe(q.match(/\{[^}]*\}/g)?.length);
    }
  });

  test('have titles of their own and at most four sources', () => {
    for (const g of [...hostPanels('a', '1m'), ...applicationPanels(application, 'a', '1m')]) {
      expect(new Set(g.panels.map((p) => p.title)).size).toBe(g.panels.length);
      for (const p of g.panels) expect(p.sources.length, p.title).toBeLessThanOrEqual(4);
    }
  });

  test('rates look back four intervals, and over all of a step', () => {
    expect(rateWindow(10, 10)).toBe('40s');
    expect(rateWindow(10, 60)).toBe('4m');
    expect(rateWindow(300, 10)).toBe('5m10s');
  });
});

describe('the panels of an application', () => {
  const groups = applicationPanels(application, 'a', '1m');

  test('are grouped by the first word of the names', () => {
    expect(groups.map((g) => g.key)).toEqual(['app-db', 'app-shop']);
  });

  test('show counters as rates, histograms as quantiles, summaries as means and the rest as it is', () => {
    const shop = groups[1]?.panels ?? [];
    expect(shop.map((p) => p.title)).toEqual([
      'shop_orders_total',
      'shop_queue_length',
      'shop_wait_seconds',
      'shop_wait_seconds, how often',
    ]);
    expect(shop[0]?.sources[0]?.query).toBe('rate(shop_orders_total{instance="a"}[1m])');
    expect(shop[2]?.sources.map((s) => s.name)).toEqual(['p50', 'p95', 'p99']);
    expect(shop[2]?.unit).toBe('seconds');
    expect(groups[0]?.panels.map((p) => p.title)).toEqual(['db_query_seconds, mean', 'db_query_seconds, how often']);
  });

  test('believe what is known of a metric rather than its name', () => {
    const one = [{ __name__: 'queue_seen', instance: 'a' }];
    const known = new Map([['queue_seen', { type: 'counter', help: 'Seen.' }]]);
    const panel = applicationPanels(one, 'a', '1m', known)[0]?.panels[0];
    expect(panel?.sources[0]?.query).toBe('rate(queue_seen{instance="a"}[1m])');
    expect(panel?.help).toBe('Seen. How much it grows each second.');
    expect(applicationPanels(one, 'a', '1m')[0]?.panels[0]?.sources[0]?.query).toBe('queue_seen{instance="a"}');
  });

  test('name their lines by what differs', () => {
    const two = ['200', '500'].map((code) => ({ __name__: 'x_total', instance: 'a', job: 'shop', demo: 'true', code }));
    const name = applicationPanels(two, 'a', '1m')[0]?.panels[0]?.sources[0]?.name as (l: Labels) => string;
    expect(two.map(name)).toEqual(['200', '500']);
    const one = applicationPanels(two.slice(1), 'a', '1m')[0]?.panels[0]?.sources[0]?.name as (l: Labels) => string;
    expect(one({ instance: 'a', code: '500' })).toBe('x_total');
  });

  test('sum up what has too many series by the label that fits', () => {
    const many = Array.from({ length: 40 }, (_, i) => ({
      __name__: 'http_total',
      instance: 'a',
      path: `/${i}`,
      code: String(200 + (i % 3)),
    }));
    expect(splitting(many)).toBe('code');
    expect(applicationPanels(many, 'a', '1m')[0]?.panels[0]?.sources[0]?.query).toBe(
      'sum by (code) (rate(http_total{instance="a"}[1m]))',
    );
    const all = many.map(({ code: _, ...s }) => s);
    expect(applicationPanels(all, 'a', '1m')[0]?.panels[0]?.sources[0]?.query).toBe(
      'sum(rate(http_total{instance="a"}[1m]))',
    );
  });
});

describe('what is asked over the fleet', () => {
  const panels = fleetPanels('2m', { cpu: [awkward, 'b'], memory: [awkward] }, 90);
  const queries = [...queriesOf(panels), ...Object.values(numberQueries), ...Object.values(topQueries)];

  test('is PromQL', () => {
    expect(queries.map(mistake).filter(Boolean)).toEqual([]);
  });

  test('comes back as few series, however many hosts there are', () => {
    for (const q of [...queriesOf(panels), ...Object.values(topQueries)])
      expect(q, q).toMatch(/^(8 \* )?(1 - )?(sum|avg|topk)|instance=~/);
  });

  test('stays cheap: the more hosts and the longer the time, the coarser', () => {
    expect(pointsFor(5, 3600)).toBe(360);
    expect(pointsFor(1000, 3600)).toBe(60);
    expect(pointsFor(1000, 86_400)).toBe(30);
    expect(fleetWindow(5, 3600)).toBe('1h30s');
    expect(fleetWindow(1000, 3600)).toBe('2m');
  });

  test('asks for hosts by name only while there are some', () => {
    expect(fleetPanels('2m', { cpu: [], memory: [] }, 90)[0]?.sources).toHaveLength(1);
  });
});
