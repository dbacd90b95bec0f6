import { Box, Group, Text, Title, UnstyledButton } from '@mantine/core';
import { useMemo } from 'react';
import { isYoung } from '../agent/agent';
import { ChartCard } from '../chart/ChartCard';
import { stepFor } from '../lib/time';
import { useUrlParams } from '../lib/url';
import { useNow, useSpan } from '../live/live';
import { ChartNoAxesColumn, ChevronDown, ChevronRight } from '../ui/icons';
import { Empty } from '../ui/State';
import { applicationPanels, firstWord } from './application';
import classes from './HostCharts.module.css';
import type { OneHost } from './host';
import { type PanelGroup, rateWindow } from './panel';
import { hostPanels } from './panels';
import { useApplicationSeries, useInterval, useKnown, useNames } from './series';

/** What the collector itself writes about a host: it is there without the host. */
const ofCollector = ['up', 'picket_agent_info'];

/** What a host did, in charts, grouped as one thinks of a machine. */
export function HostCharts({ host }: { host: OneHost }) {
  const span = useSpan();
  const { instance } = host;
  const young = isYoung(host, useNow());
  const interval = useInterval(instance);
  const window = rateWindow(stepFor(span.to - span.from), interval);
  const names = useNames(instance, span);
  const series = useApplicationSeries(instance, span);
  const system = useMemo(() => hostPanels(instance, window), [instance, window]);
  const words = useMemo(() => [...new Set((series.data ?? []).map((s) => firstWord(s.__name__ ?? '')))], [series.data]);
  const known = useKnown(words).data;
  const application = useMemo(
    () => applicationPanels(series.data ?? [], instance, window, known),
    [series.data, instance, window, known],
  );
  const groups = useMemo(
    () => [...system, ...application].filter((g) => !g.needs || names.data?.some((n) => n.startsWith(g.needs ?? ''))),
    [system, application, names.data],
  );
  const [params, change] = useUrlParams();
  const closed = params.get('closed')?.split(',') ?? [];
  const toggle = (key: string) => {
    const next = closed.includes(key) ? closed.filter((c) => c !== key) : [...closed, key];
    change({ closed: next.join(',') });
  };
  if (!young && names.data?.every((n) => ofCollector.includes(n))) return <NoSeries host={host} />;
  return (
    <>
      <nav aria-label="Charts" className={classes.jump}>
        {groups.map((g) => (
          <UnstyledButton
            key={g.key}
            className={classes.to}
            onClick={() => {
              if (closed.includes(g.key)) toggle(g.key);
              document.getElementById(`charts-${g.key}`)?.scrollIntoView({ block: 'start' });
            }}
          >
            {g.title}
          </UnstyledButton>
        ))}
      </nav>
      {groups.map((g) => (
        <Section key={g.key} group={g} open={!closed.includes(g.key)} toggle={() => toggle(g.key)} young={young} />
      ))}
    </>
  );
}

type SectionProps = { group: PanelGroup; open: boolean; toggle: () => void; young: boolean };

function Section({ group, open, toggle, young }: SectionProps) {
  return (
    <Box component="section" mb="md" aria-label={group.title} id={`charts-${group.key}`} className={classes.section}>
      <Title order={2} size="h5" mb={6}>
        <UnstyledButton onClick={toggle} aria-expanded={open} className={classes.head}>
          <Group gap={4} wrap="nowrap" component="span">
            {open ? <ChevronDown size={16} aria-hidden /> : <ChevronRight size={16} aria-hidden />}
            {group.title}
            {!open && (
              <Text span size="xs" c="dimmed" ml={6}>
                {group.panels.length} {group.panels.length === 1 ? 'chart' : 'charts'}
              </Text>
            )}
          </Group>
        </UnstyledButton>
      </Title>
      {open && (
        <div className={classes.grid}>
          {group.panels.map((p) => (
            <ChartCard key={p.title} panel={p} sync="host" young={young} />
          ))}
        </div>
      )}
    </Box>
  );
}

function NoSeries({ host }: { host: OneHost }) {
  const silent = host.state !== 'up';
  return (
    <Empty icon={ChartNoAxesColumn} title="There is nothing of this host in this time">
      {silent
        ? 'It was silent. Choose a time when it was not, or see above what to look at.'
        : 'A host that was just enrolled shows up within a minute. Else choose another time, or look on the host at what the agent measures: picket-agent doctor says what it can collect, picket-agent check run cpu what a check finds.'}
    </Empty>
  );
}
