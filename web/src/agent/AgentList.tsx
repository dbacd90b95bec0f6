import { ActionIcon, Button, Group, Stack, Text, UnstyledButton } from '@mantine/core';
import { useDeferredValue, useMemo, useState } from 'react';
import { Link } from 'wouter';
import { useHref, useUrlParams } from '../lib/url';
import { useInstant } from '../metric/promql';
import { useMay } from '../session/session';
import { useStatus } from '../status/status';
import { type Column, DataTable } from '../ui/DataTable';
import { Filter, Plus, Waypoints, X } from '../ui/icons';
import { SearchInput } from '../ui/SearchInput';
import { Empty, Shown } from '../ui/State';
import { DeleteDialog, RevokeDialog } from './AgentDialogs';
import { type Agent, type AgentState, useAgents } from './agent';
import { useAgentColumns } from './columns';
import classes from './Fleet.module.css';
import { stateNames, states } from './StateMark';
import { Versions } from './Versions';

type Asked = { what: 'revoke' | 'delete'; agents: Agent[] };

/** All agents in a table, with filters and what can be done to them. */
export function AgentList() {
  const agents = useAgents();
  // Deferred: a thousand rows must not hold the browser up.
  const known = useDeferredValue(agents.data);
  return (
    <Shown query={{ ...agents, data: known }}>{(all) => (all.length === 0 ? <None /> : <Agents all={all} />)}</Shown>
  );
}

function None() {
  const link = useHref();
  const may = useMay('operator');
  return (
    <Empty
      icon={Waypoints}
      title="No host has enrolled yet"
      action={
        may && (
          <Button component={Link} href={link('/fleet/enrol')} leftSection={<Plus size={16} aria-hidden />}>
            Enrol a host
          </Button>
        )
      }
    >
      {may
        ? 'Make a token, then give it to the agent on the host.'
        : 'Somebody with the role operator can make a token for it.'}
    </Empty>
  );
}

function Agents({ all }: { all: Agent[] }) {
  const may = useMay('operator');
  const link = useHref();
  const status = useStatus();
  const lag = useLag();
  const [asked, setAsked] = useState<Asked>();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const rows = useFiltered(all);
  const [params] = useUrlParams();
  const columns = useAgentColumns({
    revoked: params.get('state') === 'revoked',
    collector: status.data?.version,
    lag,
    ...useActions(may, setAsked),
  });
  const shown = useMemo(
    () => (may ? [chooser(rows, chosen, setChosen), ...columns] : columns),
    [may, rows, chosen, columns],
  );
  const picked = rows.filter((a) => chosen.has(a.id));
  const close = (done: boolean) => {
    setAsked(undefined);
    if (done) setChosen(new Set());
  };
  return (
    <Stack gap="sm">
      <Versions
        versions={all.filter((a) => a.state !== 'revoked').map((a) => a.version)}
        collector={status.data?.version}
      />
      <Group gap="xs">
        <SearchInput label="Search agents" placeholder="Instance, address, system" />
        <States all={all} />
        <TokenFilter />
      </Group>
      {picked.length > 0 && <Bulk picked={picked} ask={setAsked} clear={() => setChosen(new Set())} />}
      <DataTable
        label="Agents"
        columns={shown}
        rows={rows}
        rowKey={(a) => a.id}
        rowHref={(a) => link(`/hosts/${encodeURIComponent(a.instance)}`)}
        sort="instance"
        minWidth={1220}
        empty={<Nobody />}
      />
      <Text size="xs" c="dimmed">
        {rows.length === all.length ? `${all.length} agents` : `${rows.length} of ${all.length} agents`}
        {status.data && `; the collector runs ${status.data.version}`}
      </Text>
      {asked?.what === 'revoke' && <RevokeDialog agents={asked.agents} close={close} />}
      {asked?.what === 'delete' && <DeleteDialog agents={asked.agents} close={close} />}
    </Stack>
  );
}

/** What asks before something is done to one agent; nothing for those who may not. */
function useActions(may: boolean, ask: (a: Asked) => void) {
  return useMemo(
    () => ({
      revoke: may ? (a: Agent) => ask({ what: 'revoke', agents: [a] }) : undefined,
      remove: may ? (a: Agent) => ask({ what: 'delete', agents: [a] }) : undefined,
    }),
    [may, ask],
  );
}

/** The agents that the URL asks for. */
function useFiltered(all: Agent[]): Agent[] {
  const [params] = useUrlParams();
  const text = useDeferredValue((params.get('search') ?? '').trim().toLowerCase());
  const state = params.get('state');
  const version = params.get('version');
  const token = params.get('with');
  return useMemo(() => {
    const has = (a: Agent) =>
      [a.instance, a.hostname, a.id, a.remote_addr ?? '', `${a.os} ${a.arch}`, a.version].some((v) =>
        v.toLowerCase().includes(text),
      );
    return all.filter(
      (a) =>
        (!state || a.state === state) &&
        (version === null || a.version === version) &&
        (!token || a.enrolled_with === token) &&
        (text === '' || has(a)),
    );
  }, [all, text, state, version, token]);
}

/** Seconds that the oldest undelivered record of each instance is behind. */
function useLag(): Map<string, number> {
  const { data } = useInstant('max by (instance) (picket_agent_spool_lag_seconds)');
  return useMemo(() => new Map(data?.map((s) => [s.metric.instance ?? '', Number(s.value[1])])), [data]);
}

function States({ all }: { all: Agent[] }) {
  const [params, change] = useUrlParams();
  const chosen = params.get('state');
  const counts = useMemo(() => {
    const out = new Map<AgentState, number>();
    for (const a of all) out.set(a.state, (out.get(a.state) ?? 0) + 1);
    return out;
  }, [all]);
  return (
    <Group gap={4} role="group" aria-label="States">
      {stateNames
        .filter((s) => counts.has(s) || s === chosen)
        .map((s) => {
          const { icon: Icon, color, word, means } = states[s];
          return (
            <UnstyledButton
              key={s}
              className={classes.chip}
              title={means}
              aria-pressed={chosen === s}
              onClick={() => change({ state: chosen === s ? undefined : s }, true)}
            >
              <Icon size={14} color={color} aria-hidden />
              <Text span size="xs">
                {word}
              </Text>
              <Text span size="xs" fw={600}>
                {(counts.get(s) ?? 0).toLocaleString('en')}
              </Text>
            </UnstyledButton>
          );
        })}
    </Group>
  );
}

function TokenFilter() {
  const [params, change] = useUrlParams();
  const token = params.get('with');
  if (!token) return null;
  return (
    <UnstyledButton
      className={classes.chip}
      aria-label="Show the agents of all tokens"
      onClick={() => change({ with: undefined }, true)}
    >
      <Filter size={13} aria-hidden />
      <Text span size="xs">
        token {token.slice(-8)}
      </Text>
      <X size={13} aria-hidden />
    </UnstyledButton>
  );
}

function Nobody() {
  const [, change] = useUrlParams();
  return (
    <Empty
      icon={Filter}
      title="No agent is like that"
      action={
        <Button
          variant="default"
          onClick={() => change({ search: undefined, state: undefined, version: undefined, with: undefined }, true)}
        >
          Show all agents
        </Button>
      }
    />
  );
}

function Bulk({ picked, ask, clear }: { picked: Agent[]; ask: (a: Asked) => void; clear: () => void }) {
  const revoked = picked.filter((a) => a.state === 'revoked');
  const others = picked.filter((a) => a.state !== 'revoked');
  return (
    <Group gap="xs" role="status">
      <Text size="sm" fw={600}>
        {picked.length} chosen
      </Text>
      <Button
        size="compact-sm"
        variant="default"
        disabled={others.length === 0}
        onClick={() => ask({ what: 'revoke', agents: others })}
      >
        Revoke {others.length}…
      </Button>
      {revoked.length > 0 && (
        <Button size="compact-sm" variant="default" onClick={() => ask({ what: 'delete', agents: revoked })}>
          Delete {revoked.length}…
        </Button>
      )}
      <ActionIcon size="sm" variant="subtle" color="gray" onClick={clear} aria-label="Choose none">
        <X size={15} />
      </ActionIcon>
    </Group>
  );
}

/** The column of boxes that choose agents; the one in its head chooses all that are shown. */
function chooser(rows: Agent[], chosen: ReadonlySet<string>, set: (s: ReadonlySet<string>) => void): Column<Agent> {
  const shown = rows.filter((a) => chosen.has(a.id)).length;
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    set(next);
  };
  return {
    key: 'chosen',
    title: 'Chosen',
    width: '38px',
    head: (
      <input
        type="checkbox"
        className={classes.box}
        aria-label="Choose all that are shown"
        checked={shown > 0 && shown === rows.length}
        ref={(box) => {
          if (box) box.indeterminate = shown > 0 && shown < rows.length;
        }}
        onChange={() => set(shown === rows.length ? new Set() : new Set(rows.map((a) => a.id)))}
      />
    ),
    render: (a) => (
      <input
        type="checkbox"
        className={classes.box}
        aria-label={`Choose ${a.instance}`}
        checked={chosen.has(a.id)}
        onChange={() => toggle(a.id)}
      />
    ),
  };
}
