import { Button } from '@mantine/core';
import { useDeferredValue } from 'react';
import { Link, useParams } from 'wouter';
import { useAgent, useFacts } from '../agent/agent';
import { ApiError } from '../api/client';
import { useHref, useUrlParams } from '../lib/url';
import { useLiveSamples } from '../live/live';
import { quote } from '../metric/promql';
import { ChartSpline, ServerOff } from '../ui/icons';
import { Page } from '../ui/Page';
import { Empty, Shown } from '../ui/State';
import { TabLinks } from '../ui/TabLinks';
import { HostAgent } from './HostAgent';
import { HostCharts } from './HostCharts';
import { HostChecks } from './HostChecks';
import { HostEvents } from './HostEvents';
import { HostFacts, HostLine } from './HostHeader';
import { HostInventory } from './HostInventory';
import { hostPath, type OneHost } from './host';
import { Silent } from './Silent';
import { type AgentNumbers, useAgentNumbers } from './series';

const tabs = ['charts', 'checks', 'inventory', 'agent', 'events'] as const;
type Tab = (typeof tabs)[number];

const titles: Record<Tab, string> = {
  charts: 'Charts',
  checks: 'Checks',
  inventory: 'Inventory',
  agent: 'Agent',
  events: 'Events',
};

/** All about one host. */
export function HostPage() {
  const { instance = '' } = useParams<{ instance: string }>();
  const agent = useAgent(instance);
  // Deferred: dozens of charts must not hold the browser up.
  const known = useDeferredValue(agent.data);
  if (agent.error instanceof ApiError && agent.error.status === 404) return <Unknown instance={instance} />;
  if (!known) {
    return (
      <Page title={instance}>
        <Shown query={{ ...agent, data: known }}>{() => null}</Shown>
      </Page>
    );
  }
  return <Known host={known} />;
}

function Unknown({ instance }: { instance: string }) {
  const link = useHref();
  return (
    <Page title={instance}>
      <Empty
        icon={ServerOff}
        title={`There is no host ${instance}`}
        action={
          <Button component={Link} href={link('/hosts')} variant="default">
            All hosts
          </Button>
        }
      >
        It may have been deleted, or the name is mistyped. A host that was enrolled anew has a name with a number at its
        end.
      </Empty>
    </Page>
  );
}

function Known({ host }: { host: OneHost }) {
  useLiveSamples(host.instance);
  const [params] = useUrlParams();
  const link = useHref();
  const asked = params.get('tab') as Tab;
  const tab = tabs.includes(asked) ? asked : 'charts';
  const facts = useFacts(host.id, 'host');
  // A silent host has no present numbers: its last ones are shown.
  const silent = host.state !== 'up';
  const at = silent && host.last_seen_at ? Date.parse(host.last_seen_at) / 1000 : undefined;
  const numbers = useAgentNumbers(host.instance, at);
  const failing = host.results.filter((r) => r.status !== 'ok').length;
  const gaps = host.capabilities.filter((c) => !c.available && c.fix).length;
  const counted: Partial<Record<Tab, number>> = { checks: failing, agent: gaps };
  const path = hostPath(host.instance);
  return (
    <Page
      title={host.instance}
      subtitle={<HostLine host={host} facts={facts.data?.[0]?.attributes} />}
      actions={
        <Button
          component={Link}
          href={link('/explore', { q: `{instance=${quote(host.instance)}}` })}
          variant="default"
          size="compact-sm"
          leftSection={<ChartSpline size={15} aria-hidden />}
        >
          Explore
        </Button>
      }
    >
      <Silent host={host} />
      <HostFacts host={host} numbers={numbers} />
      <TabLinks
        label="Parts of this host"
        current={tab}
        tabs={tabs.map((t) => ({
          name: t,
          title: counted[t] ? `${titles[t]} (${counted[t]})` : titles[t],
          href: link(path, { tab: t === 'charts' ? undefined : t }),
        }))}
      />
      <Part tab={tab} host={host} numbers={numbers} />
    </Page>
  );
}

function Part({ tab, host, numbers }: { tab: Tab; host: OneHost; numbers: AgentNumbers | undefined }) {
  switch (tab) {
    case 'checks':
      return <HostChecks host={host} numbers={numbers} />;
    case 'inventory':
      return <HostInventory host={host} />;
    case 'agent':
      return <HostAgent host={host} numbers={numbers} />;
    case 'events':
      return <HostEvents host={host} />;
    default:
      return <HostCharts host={host} />;
  }
}
