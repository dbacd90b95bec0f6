import { useMemo } from 'react';
import { ChartCard } from '../chart/ChartCard';
import { stepFor } from '../lib/time';
import { useSpan } from '../live/live';
import type { VectorSample } from '../metric/promql';
import classes from './OverviewPage.module.css';
import { fleetPanels, fleetWindow, pointsFor } from './panels';
import { useTop } from './top';

const names = (samples: VectorSample[] | undefined) => (samples ?? []).map((s) => s.metric.instance ?? '').sort();

/** What all hosts together did, and those that stand out. */
export function FleetCharts({ hosts, young }: { hosts: number; young: boolean }) {
  const span = useSpan();
  const points = pointsFor(hosts, span.to - span.from);
  const window = fleetWindow(hosts, stepFor(span.to - span.from, points));
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
