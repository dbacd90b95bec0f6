import { Button, Card, Group, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { memo, useMemo } from 'react';
import { Chart } from '../chart/Chart';
import { toLines } from '../chart/lines';
import type { Line, Scale } from '../chart/plot';
import type { Unit } from '../lib/number';
import { instant } from '../lib/time';
import { useUrlParams, useUrlState } from '../lib/url';
import { ChartSpline } from '../ui/icons';
import { Empty, Loading } from '../ui/State';
import { CopyMenu } from './CopyMenu';
import classes from './Explore.module.css';
import { commonLabels, csv, letter } from './explore';
import { type Labels, type RangeAnswer, seriesName } from './promql';
import { type Asked, useStable } from './results';
import { Shared } from './Shared';

const few = 60;
const many = 200;

type Props = {
  asked: Asked<RangeAnswer>[];
  span: { from: number; to: number };
  unit: Unit;
  scale: Scale;
  stacked: boolean;
};

/** All queries' series in one chart. */
export const ChartView = memo(function ChartView({ asked, span, unit, scale, stacked }: Props) {
  const [, change] = useUrlParams();
  const [most, setMost] = useUrlState('series', '');
  const small = useMediaQuery('(max-width: 600px)', false, { getInitialValueInEffect: false });
  const limit = most === String(many) ? many : few;
  const drawn = useStable(asked.map((a) => (a.answer && !a.answer.truncated ? a.answer : undefined)));
  const texts = useStable(asked.map((a) => a.query));
  const { times, lines, cut, common } = useMemo(() => name(drawn, texts, limit), [drawn, texts, limit]);
  if (asked.every((a) => a.error || a.answer?.truncated || !a.runs)) return null;
  if (lines.length === 0) {
    if (asked.some((a) => a.fetching)) return <Loading label="Asking" />;
    return (
      <Empty icon={ChartSpline} title="Nothing in this time">
        No series match, or they had no values then. Show more time, or look at how the metric is written: the key m
        finds it.
      </Empty>
    );
  }
  return (
    <Card withBorder padding="xs">
      <Group justify="space-between" gap="xs" mb={4} wrap="nowrap" align="flex-start">
        <div>
          <Shared common={common} />
          {cut > 0 && <Cut drawn={lines.length} all={lines.length + cut} more={limit === few ? setMost : undefined} />}
        </div>
        <CopyMenu csv={() => chartCsv(times, lines)} json={() => chartJson(drawn)} />
      </Group>
      <div className={asked.some((a) => a.fetching && !a.answer) ? classes.stale : undefined}>
        <Chart
          label={`Values of ${texts.filter(Boolean).join(', ')}`}
          times={times}
          lines={lines}
          unit={unit}
          span={span}
          stacked={stacked}
          scale={scale}
          height={small ? 240 : 400}
          legend="wide"
          onZoom={(from, to) => change({ from: instant(from), to: instant(to), range: undefined }, true)}
        />
      </div>
    </Card>
  );
});

/** Says that not all series are drawn. */
function Cut({ drawn, all, more }: { drawn: number; all: number; more?: (most: string) => void }) {
  return (
    <Group gap={6}>
      <Text size="xs">
        The {drawn} biggest of {all.toLocaleString('en')} series are drawn.
      </Text>
      {more && (
        <Button size="compact-xs" variant="default" onClick={() => more(String(many))}>
          Draw {Math.min(many, all)}
        </Button>
      )}
    </Group>
  );
}

/** Names lines by what tells them apart. */
function name(answers: (RangeAnswer | undefined)[], queries: string[], limit: number) {
  const common = commonLabels(answers);
  const several = answers.filter((a) => a && a.series.length > 0).length > 1;
  const sources = queries.map((query, i) => ({
    query,
    name: (metric: Labels) => {
      const own = Object.fromEntries(Object.entries(metric).filter(([k]) => common[k] === undefined));
      const text = Object.keys(own).length > 0 ? seriesName(own) : query.replace(/\s+/g, ' ');
      return several ? `${letter(i)}  ${text}` : text;
    },
  }));
  return { ...toLines(answers, sources, limit), common };
}

function chartCsv(times: number[], lines: Line[]): string {
  const head = ['time', ...lines.map((l) => l.label)];
  return csv([head, ...times.map((t, i) => [instant(t), ...lines.map((l) => l.values[i] ?? null)])]);
}

function chartJson(answers: (RangeAnswer | undefined)[]): string {
  const series = answers.flatMap((a) => a?.series ?? []);
  return JSON.stringify(
    series.map(({ metric, times, values }) => ({ metric, values: times.map((t, i) => [t, values[i] ?? null]) })),
  );
}
