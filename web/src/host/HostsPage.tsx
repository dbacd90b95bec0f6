import { Alert, Anchor, Button, Group, NativeSelect, Stack, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useDeferredValue, useMemo } from 'react';
import { Link } from 'wouter';
import { type AgentState, useAgents } from '../agent/agent';
import { StateMark, stateNames, states } from '../agent/StateMark';
import { useHref, useUrlParams } from '../lib/url';
import { DataTable } from '../ui/DataTable';
import { SearchX, Server, TriangleAlert } from '../ui/icons';
import { Page } from '../ui/Page';
import { SearchInput } from '../ui/SearchInput';
import { Empty, Shown } from '../ui/State';
import { FilterChip } from './FilterChip';
import { countHosts, filterHosts, type Host, hostPath, joinHosts } from './host';
import { useHostColumns } from './hostColumns';
import { useNumbers } from './numbers';

/** All hosts with what they do at present; who needs attention comes first. */
export function HostsPage() {
  const agents = useAgents();
  const numbers = useNumbers();
  // Deferred: a thousand rows must not hold the browser up.
  const all = useDeferredValue(agents.data);
  const known = useDeferredValue(numbers.data?.hosts);
  const hosts = useMemo(() => all && joinHosts(all, known), [all, known]);
  return (
    <Page title="Hosts">
      {numbers.data?.error || numbers.error ? (
        <Alert color="orange" variant="light" mb="sm" icon={<TriangleAlert size={18} aria-hidden />}>
          Some numbers are missing: {String((numbers.error ?? numbers.data?.error) as unknown)}
        </Alert>
      ) : null}
      <Shown query={{ ...agents, data: hosts }}>
        {(all) => (all.length === 0 ? <NoHosts /> : <List hosts={all} />)}
      </Shown>
    </Page>
  );
}

function NoHosts() {
  const link = useHref();
  return (
    <Empty
      icon={Server}
      title="No host is enrolled yet"
      action={
        <Button component={Link} href={link('/fleet', { tab: 'enrol' })}>
          Enrol a host
        </Button>
      }
    >
      Install the agent on a host and give it a token. A minute later the host stands here.
    </Empty>
  );
}

function List({ hosts }: { hosts: Host[] }) {
  const [params, change] = useUrlParams();
  const link = useHref();
  const filter = {
    text: params.get('search') ?? '',
    states: params.getAll('state'),
    os: params.get('os') ?? '',
    attention: params.get('attention') === 'yes',
  };
  const counts = useMemo(() => countHosts(hosts), [hosts]);
  const key = useDeferredValue(JSON.stringify(filter));
  const shown = useMemo(() => filterHosts(hosts, JSON.parse(key)), [hosts, key]);
  const narrow = useMediaQuery('(max-width: 760px)') ?? false;
  const columns = useHostColumns(narrow);
  const none = { state: [], os: undefined, attention: undefined, search: undefined };
  const toggle = (state: AgentState) =>
    change(
      { state: filter.states.includes(state) ? filter.states.filter((s) => s !== state) : [...filter.states, state] },
      true,
    );
  const systems = Object.keys(counts.systems).sort();
  return (
    <Stack gap="sm">
      <Group gap="xs" role="group" aria-label="Filters">
        <SearchInput label="Search hosts" placeholder="Name, address, version…" />
        <FilterChip
          count={hosts.length}
          on={filter.states.length === 0 && !filter.attention}
          onClick={() => change({ state: [], attention: undefined }, true)}
        >
          all
        </FilterChip>
        <FilterChip
          count={counts.attention}
          on={filter.attention}
          onClick={() => change({ attention: filter.attention ? undefined : 'yes' }, true)}
          title="Silent, or with a number or a check worth a warning"
        >
          <TriangleAlert size={15} aria-hidden color="light-dark(#b35c00, #f0a445)" />
          needs attention
        </FilterChip>
        {stateNames
          .filter((s) => counts.states[s] || filter.states.includes(s))
          .map((s) => (
            <FilterChip
              key={s}
              count={counts.states[s] ?? 0}
              on={filter.states.includes(s)}
              onClick={() => toggle(s)}
              title={states[s].means}
            >
              <StateMark state={s} />
            </FilterChip>
          ))}
        {systems.length > 1 && (
          <NativeSelect
            size="xs"
            aria-label="Operating system"
            value={filter.os}
            onChange={(e) => change({ os: e.currentTarget.value || undefined }, true)}
            data={[
              { value: '', label: 'every system' },
              ...systems.map((s) => ({ value: s, label: `${s} (${counts.systems[s]})` })),
            ]}
          />
        )}
        <Text size="sm" c="dimmed" ml="auto" role="status">
          {shown.length === hosts.length ? `${hosts.length}` : `${shown.length} of ${hosts.length}`}{' '}
          {hosts.length === 1 ? 'host' : 'hosts'}
        </Text>
      </Group>
      <DataTable
        label="Hosts"
        columns={columns}
        rows={shown}
        rowKey={(h) => h.id}
        rowHref={(h) => link(hostPath(h.instance))}
        sort="-attention"
        maxHeight="calc(100vh - 190px)"
        minWidth={narrow ? undefined : 1150}
        empty={
          <Empty
            icon={SearchX}
            title="No host matches"
            action={
              <Anchor component="button" type="button" onClick={() => change(none, true)}>
                Show all {hosts.length} hosts
              </Anchor>
            }
          >
            All words of the search must be part of a host’s name, address, system or version.
          </Empty>
        }
      />
    </Stack>
  );
}
