import { ActionIcon, Card, Group, Text, Tooltip } from '@mantine/core';
import { useIntersection } from '@mantine/hooks';
import { Search, Table2, TrendingUp } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import type { Unit } from '../lib/number';
import { instant } from '../lib/time';
import { useHref, useUrlParams } from '../lib/url';
import { useSpan } from '../live/live';
import { useRange } from '../metric/promql';
import { ErrorBox, Loading } from '../ui/State';
import { Chart } from './Chart';
import { inOrder, type Source, toLines } from './lines';
import type { Bounds } from './plot';

export { type Source, toLines } from './lines';

export type Panel = {
  title: string;
  sources: Source[];
  unit?: Unit;
  stacked?: boolean;
  bounds?: Bounds;
  help?: string;
  /** What to say when there is nothing to draw. */
  none?: string;
  height?: number;
  /** Names of lines that come first, from the bottom of a stack up. */
  order?: readonly string[];
  /** About how many points a line has; fewer where a query is dear. */
  points?: number;
};

/** A chart with its title, its numbers as a table, and the way to explore its queries. It asks only while it is in sight. */
export function ChartCard({ panel, sync }: { panel: Panel; sync?: string }) {
  const { ref, entry } = useIntersection<HTMLDivElement>({ rootMargin: '200px' });
  const [asTable, setAsTable] = useState(false);
  const link = useHref();
  return (
    <Card withBorder padding="xs" ref={ref} component="section" aria-label={panel.title}>
      <Group justify="space-between" wrap="nowrap" gap={4} mb={2}>
        <Tooltip label={panel.help} disabled={!panel.help}>
          <Text fw={600} size="sm" truncate component="h3" m={0}>
            {panel.title}
          </Text>
        </Tooltip>
        <Group gap={2} wrap="nowrap">
          <Tooltip label={asTable ? 'Show as lines' : 'Show as a table'}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size="sm"
              aria-label={`${panel.title}: ${asTable ? 'show as lines' : 'show as a table'}`}
              onClick={() => setAsTable(!asTable)}
            >
              {asTable ? <TrendingUp size={15} /> : <Table2 size={15} />}
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Explore these queries">
            <ActionIcon
              variant="subtle"
              color="gray"
              size="sm"
              component={Link}
              href={link('/explore', { q: panel.sources.map((s) => s.query) })}
              aria-label={`${panel.title}: explore`}
            >
              <Search size={15} />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      {entry?.isIntersecting ? (
        <Body panel={panel} sync={sync} asTable={asTable} />
      ) : (
        <div style={{ height: (panel.height ?? 180) + 30 }} />
      )}
    </Card>
  );
}

function Body({ panel, sync, asTable }: { panel: Panel; sync?: string; asTable: boolean }) {
  const span = useSpan();
  const [, change] = useUrlParams();
  const { sources, points, order } = panel;
  // Hooks in a fixed order: a panel has at most four sources, and may get others when it is drawn again.
  const all = [
    useRange(sources[0]?.query ?? '', span, { points }),
    useRange(sources[1]?.query ?? '', span, { points }),
    useRange(sources[2]?.query ?? '', span, { points }),
    useRange(sources[3]?.query ?? '', span, { points }),
  ];
  const asked = all.slice(0, sources.length);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the results are the state; their array is new each time.
  const { times, lines, cut } = useMemo(() => {
    const results = asked.map((a) => a.data);
    const drawn = toLines(results, sources);
    return order ? { ...drawn, lines: inOrder(drawn.lines, order) } : drawn;
  }, [...all.map((a) => a.data), sources, order]);
  const failed = asked.find((a) => a.error && !a.data);
  if (failed) return <ErrorBox error={failed.error} retry={() => failed.refetch()} />;
  if (asked.some((a) => a.isPending)) return <Loading label={`Loading ${panel.title}`} />;
  if (lines.length === 0) {
    return (
      <Text size="sm" c="dimmed" ta="center" py={60}>
        {panel.none ?? 'No data in this time.'}
      </Text>
    );
  }
  return (
    <>
      <Chart
        label={panel.title}
        times={times}
        lines={lines}
        unit={panel.unit}
        span={span}
        stacked={panel.stacked}
        bounds={panel.bounds}
        height={panel.height}
        sync={sync}
        asTable={asTable}
        onZoom={(from, to) => change({ from: instant(from), to: instant(to), range: undefined }, true)}
      />
      {cut > 0 && (
        <Text size="xs" c="dimmed">
          {cut} more series are not drawn.
        </Text>
      )}
    </>
  );
}
