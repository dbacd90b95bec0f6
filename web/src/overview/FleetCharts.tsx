import type { QueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { ChartCard } from '../chart/ChartCard';
import { type Span, spanOf, stepFor } from '../lib/time';
import { useSpan } from '../live/live';
import { rangeQuery, type VectorSample } from '../metric/promql';
import classes from './OverviewPage.module.css';
import { fleetPanels, fleetWindow, pointsFor } from './panels';
import { useTop } from './top';

const names = (samples: VectorSample[] | undefined) => (samples ?? []).map((s) => s.metric.instance ?? '').sort();

/** How the charts of so many hosts are drawn over a span. */
function plan(hosts: number, { from, to }: Span) {
  const points = pointsFor(hosts, to - from);
  return { points, window: fleetWindow(hosts, stepFor(to - from, points)) };
}

/** Asks for the chart that is there first, before it is drawn: memory takes no rates, which take the collector a while over many hosts. */
export function askFirst(client: QueryClient, hosts: number) {
  const span = spanOf(new URLSearchParams(window.location.search), Date.now() / 1000);
  const { points, window: back } = plan(hosts, span);
  const cheapest = fleetPanels(back, { cpu: [], memory: [] }, points).find((p) => p.title === 'Memory used');
  for (const { query } of cheapest?.sources ?? []) void client.prefetchQuery(rangeQuery(query, span, { points }));
}

/** What all hosts together did, and those that stand out. */
export function FleetCharts({ hosts, young }: { hosts: number; young: boolean }) {
  const span = useSpan();
  const { points, window } = plan(hosts, span);
  const cpu = names(useTop('cpu', young).data).join('\n');
  const memory = names(useTop('memory', young).data).join('\n');
  const panels = useMemo(() => {
    const list = (text: string) => (text ? text.split('\n') : []);
    return fleetPanels(window, { cpu: list(cpu), memory: list(memory) }, points);
  }, [window, cpu, memory, points]);
  return (
    <div className={classes.charts}>
      {panels.map((p) => (
        <ChartCard key={p.title} panel={p} sync="overview" young={young} />
      ))}
    </div>
  );
}
