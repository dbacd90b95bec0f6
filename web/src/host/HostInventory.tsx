import { Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import { useFacts } from '../agent/agent';
import type { Schema } from '../api/types';
import { since } from '../lib/time';
import { useHref, useUrlParams } from '../lib/url';
import { useLive } from '../live/live';
import { type Column, DataTable, Facts } from '../ui/DataTable';
import { PackageSearch, SearchX } from '../ui/icons';
import { SearchInput } from '../ui/SearchInput';
import { Empty, Shown } from '../ui/State';
import { TabLinks } from '../ui/TabLinks';
import { factColumns, factText, titleOf } from './facts';
import { hostPath, type OneHost } from './host';

type Fact = Schema<'Fact'>;

/** What a host is made of, by kind. */
export function HostInventory({ host }: { host: OneHost }) {
  const [params] = useUrlParams();
  const link = useHref();
  const kinds = host.facts;
  const kind = kinds.find((k) => k.kind === params.get('kind'))?.kind ?? kinds[0]?.kind;
  if (!kind) {
    return (
      <Empty icon={PackageSearch} title="This host told nothing about itself yet">
        An agent tells what its host is made of when it connects.
      </Empty>
    );
  }
  return (
    <>
      {kinds.length > 1 && (
        <TabLinks
          label="Kinds"
          current={kind}
          tabs={kinds.map((k) => ({
            name: k.kind,
            title: `${titleOf(k.kind)} (${k.count})`,
            href: link(hostPath(host.instance), { tab: 'inventory', kind: k.kind }),
          }))}
        />
      )}
      <Kind id={host.id} kind={kind} />
    </>
  );
}

function Kind({ id, kind }: { id: string; kind: string }) {
  const facts = useFacts(id, kind);
  return (
    <Shown query={facts}>
      {(all) => (all.length === 1 && all[0] ? <One fact={all[0]} /> : <Many kind={kind} facts={all} />)}
    </Shown>
  );
}

function One({ fact }: { fact: Fact }) {
  const { now } = useLive();
  const attributes = Object.entries((fact.attributes ?? {}) as Record<string, unknown>);
  return (
    <Stack gap="sm">
      <Facts items={attributes.map(([k, v]) => [titleOf(k), factText(k, v)])} />
      <Text size="xs" c="dimmed">
        Changed {since(Date.parse(fact.updated_at), now)} ago.
      </Text>
    </Stack>
  );
}

function Many({ kind, facts }: { kind: string; facts: Fact[] }) {
  const [params] = useUrlParams();
  const text = (params.get('search') ?? '').toLowerCase();
  const columns = useMemo(
    (): Column<Fact>[] => [
      {
        key: 'key',
        title: titleOf(kind),
        width: 'minmax(9rem, 1.5fr)',
        value: (f) => f.key,
        render: (f) => <span title={f.key}>{f.key}</span>,
      },
      ...factColumns(facts).map(
        (k): Column<Fact> => ({
          key: k,
          title: titleOf(k),
          value: (f) => sortable((f.attributes as Record<string, unknown> | null)?.[k]),
          render: (f) => {
            const words = factText(k, (f.attributes as Record<string, unknown> | null)?.[k]);
            return <span title={words}>{words}</span>;
          },
        }),
      ),
    ],
    [kind, facts],
  );
  const shown = useMemo(
    () => (text ? facts.filter((f) => `${f.key} ${JSON.stringify(f.attributes)}`.toLowerCase().includes(text)) : facts),
    [facts, text],
  );
  return (
    <Stack gap="sm">
      <SearchInput label={`Search ${titleOf(kind).toLowerCase()}`} />
      <DataTable
        label={titleOf(kind)}
        columns={columns}
        rows={shown}
        rowKey={(f) => f.key}
        minWidth={columns.length * 130}
        empty={<Empty icon={SearchX} title={text ? 'Nothing matches' : 'There is none'} />}
      />
    </Stack>
  );
}

const sortable = (v: unknown) => (typeof v === 'number' || typeof v === 'string' ? v : v === undefined ? v : String(v));
