import { Anchor, Button, Group, Stack, Text } from '@mantine/core';
import { CircleCheck, Waypoints } from 'lucide-react';
import { lazy, Suspense, useEffect } from 'react';
import { Link } from 'wouter';
import { useGaps } from '../agent/gap';
import { StateMark, stateNames, states } from '../agent/StateMark';
import { SeverityIcon } from '../host/Meter';
import { useHref } from '../lib/url';
import { type Status, useStatus } from '../status/status';
import { Page } from '../ui/Page';
import { Empty, Loading, Shown } from '../ui/State';
import { Checks } from './Checks';
import { Collector } from './Collector';
import { Gaps } from './Gaps';
import { Highest } from './Highest';
import classes from './OverviewPage.module.css';
import { SilentHosts } from './SilentHosts';
import { shown, useFailing } from './trouble';

const loadCharts = () => import('./FleetCharts');
const FleetCharts = lazy(async () => ({ default: (await loadCharts()).FleetCharts }));

/** Whether things are well, at one look. */
export function OverviewPage() {
  const status = useStatus();
  // Not part of what every page needs first, but on its way before the answers are.
  useEffect(() => void loadCharts(), []);
  return (
    <Page title="Overview" subtitle={status.data && <Verdict status={status.data} />}>
      <Shown query={status}>
        {(s) => (enrolled(s) + (s.agents.revoked ?? 0) === 0 ? <First /> : <Known status={s} />)}
      </Shown>
    </Page>
  );
}

/** Agents that are not shut out. */
const enrolled = (s: Status) =>
  Object.entries(s.agents).reduce((sum, [state, n]) => sum + (state === 'revoked' ? 0 : n), 0);

function First() {
  const link = useHref();
  return (
    <Empty
      icon={Waypoints}
      title="The collector runs, and waits for its first host"
      action={
        <Button component={Link} href={link('/fleet')}>
          Enrol a host
        </Button>
      }
    >
      Make a token under Fleet, and run the line that comes with it on a host. Its numbers stand here a few seconds
      later.
    </Empty>
  );
}

/** In one sentence what is wrong, or that nothing is. */
function Verdict({ status }: { status: Status }) {
  const failing = useFailing();
  const gaps = useGaps();
  const all = enrolled(status);
  if (all === 0) return null;
  const down = status.agents.down ?? 0;
  const silent = status.agents.warn ?? 0;
  const hosts = (n: number) => `${n} ${n === 1 ? 'host' : 'hosts'}`;
  const bad = failing.data?.length ?? 0;
  const wrong = [
    down > 0 && `${down} down`,
    silent > 0 && `${silent} silent`,
    bad > 0 && `checks not ok on ${bad}${bad === shown ? ' or more' : ''}`,
  ].filter(Boolean);
  const missing = gaps.data?.length ?? 0;
  if (wrong.length > 0)
    return (
      <Group gap={6} wrap="nowrap" c="var(--mantine-color-text)" mt={2}>
        <SeverityIcon severity={down > 0 ? 'critical' : 'warning'} size={16} />
        Of {hosts(all)}: {wrong.join(', ')}
      </Group>
    );
  const never = status.agents.never ?? 0;
  return (
    <Group gap={6} wrap="nowrap" c="var(--mantine-color-text)" mt={2}>
      <CircleCheck size={16} color="light-dark(#0b6b62, #4fb0a5)" aria-hidden />
      {never < all ? `All ${hosts(all - never)} that ever reported are up` : 'No host has reported yet'}
      {missing > 0 &&
        `; ${missing} ${missing === 1 ? 'thing' : 'things'} could be collected and ${missing === 1 ? 'is' : 'are'} not`}
    </Group>
  );
}

function Known({ status }: { status: Status }) {
  return (
    <Stack gap="sm">
      <States status={status} />
      <div className={classes.lists}>
        <div className={classes.column}>
          <SilentHosts status={status} />
          <Checks />
        </div>
        <div className={classes.column}>
          <Highest />
          <Gaps />
        </div>
      </div>
      <Suspense fallback={<Loading label="Loading charts" />}>
        <FleetCharts hosts={enrolled(status)} />
      </Suspense>
      <Collector status={status} />
    </Stack>
  );
}

/** The fleet by state; each state leads to its hosts. */
function States({ status }: { status: Status }) {
  const link = useHref();
  return (
    <nav className={classes.states} aria-label="Hosts by state">
      {stateNames.map((s) => {
        const n = status.agents[s] ?? 0;
        return (
          <Anchor
            key={s}
            component={Link}
            href={link('/hosts', { state: s })}
            className={classes.state}
            data-zero={n === 0 || undefined}
            title={states[s].means}
            underline="never"
          >
            <Text component="div" className={classes.count}>
              {n}
            </Text>
            <StateMark state={s} />
          </Anchor>
        );
      })}
    </nav>
  );
}
