import { Button } from '@mantine/core';
import type { QueryClient } from '@tanstack/react-query';
import { Suspense, useDeferredValue, useEffect } from 'react';
import { Link } from 'wouter';
import { useYoung } from '../agent/agent';
import { useGaps } from '../agent/gap';
import { StateMark, stateNames, states } from '../agent/StateMark';
import { SeverityIcon } from '../host/Meter';
import { late } from '../lib/late';
import { useHref } from '../lib/url';
import { useLiveSamples } from '../live/live';
import { type Status, statusQuery, useStatus } from '../status/status';
import { CircleCheck, Waypoints } from '../ui/icons';
import { Page } from '../ui/Page';
import { Empty, Loading, Shown } from '../ui/State';
import { Checks } from './Checks';
import { Collector } from './Collector';
import { Gaps } from './Gaps';
import { Highest } from './Highest';
import classes from './OverviewPage.module.css';
import { SilentHosts } from './SilentHosts';
import { useFailing } from './trouble';
import { enrolled, verdict } from './verdict';

/** The charts are no part of what every page needs first. */
const { load: loadCharts, Late: FleetCharts } = late(async () => (await import('./FleetCharts')).FleetCharts);

export { loadCharts };

/** Asks for what the page shows first. */
export async function askOverview(client: QueryClient) {
  const hosts = enrolled(await client.fetchQuery(statusQuery));
  if (hosts > 0) (await import('./FleetCharts')).askFirst(client, hosts);
}

/** Whether things are well, at one look. */
export function OverviewPage() {
  const asked = useStatus();
  // Deferred: its charts must not hold the browser up.
  const data = useDeferredValue(asked.data);
  const status = { ...asked, data };
  // On its way before the answers are.
  useEffect(() => void loadCharts(), []);
  return (
    <Page title="Overview" subtitle={status.data && <Verdict status={status.data} />}>
      <Shown query={status}>
        {(s) => (enrolled(s) + (s.agents.revoked ?? 0) === 0 ? <First /> : <Known status={s} />)}
      </Shown>
    </Page>
  );
}

function First() {
  const link = useHref();
  return (
    <Empty
      icon={Waypoints}
      title="The collector runs, and waits for its first host"
      action={
        <Button component={Link} href={link('/fleet', { tab: 'enrol' })}>
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
  if (enrolled(status) === 0) return null;
  const { severity, words } = verdict(status, failing.data?.length ?? 0, gaps.data?.length ?? 0);
  return (
    <div className={classes.verdict}>
      {severity === 'ok' ? (
        <CircleCheck size={16} color="light-dark(#0b6b62, #4fb0a5)" aria-hidden />
      ) : (
        <SeverityIcon severity={severity} size={16} />
      )}
      {words}
    </div>
  );
}

function Known({ status }: { status: Status }) {
  const young = useYoung(enrolled(status));
  useLiveSamples(young ? '' : undefined);
  return (
    <div className={classes.stack}>
      <States status={status} />
      <div className={classes.lists}>
        <div className={classes.column}>
          <SilentHosts status={status} />
          <Checks />
        </div>
        <div className={classes.column}>
          <Highest young={young} />
        </div>
      </div>
      <Suspense
        fallback={
          <div className={classes.waiting}>
            <Loading label="Loading charts" />
          </div>
        }
      >
        <FleetCharts hosts={enrolled(status)} young={young} />
      </Suspense>
      <div className={classes.lists}>
        <Gaps />
        <Collector status={status} />
      </div>
    </div>
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
          <Link
            key={s}
            href={link('/hosts', { state: s })}
            className={classes.state}
            data-zero={n === 0 || undefined}
            title={states[s].means}
          >
            <div className={classes.count}>{n}</div>
            <StateMark state={s} />
          </Link>
        );
      })}
    </nav>
  );
}
