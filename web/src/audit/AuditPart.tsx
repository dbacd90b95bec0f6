import { Button, Group, Loader, Stack, Text } from '@mantine/core';
import { useCallback, useMemo } from 'react';
import { useLocation } from 'wouter';
import { href, useUrlParams, withParams } from '../lib/url';
import { useLive } from '../live/live';
import { type Column, DataTable } from '../ui/DataTable';
import { Filter, ScrollText } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { Empty, ErrorBox, Shown } from '../ui/State';
import { useUsers } from '../user/user';
import { AuditFilters } from './AuditFilters';
import {
  type AuditEntry,
  actions,
  actorName,
  filterKeys,
  filterOf,
  pairs,
  targetName,
  targetTypes,
  useAuditLog,
} from './audit';
import { EntryDrawer } from './EntryDrawer';

/** Who changed what and when. */
export function AuditPart() {
  const [params, change] = useUrlParams();
  const [path] = useLocation();
  const filter = useMemo(() => filterOf(params), [params]);
  const { paused } = useLive();
  const log = useAuditLog(filter, !paused);
  const users = useUsers().data;
  const names = useMemo(() => new Map(users?.map((u) => [u.id, u.name])), [users]);
  const entries = useMemo(() => log.data?.pages.flatMap((p) => p.items) ?? [], [log.data]);
  const columns = useColumns(names);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = log;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const open = entries.find((e) => e.id === params.get('entry'));
  return (
    <Stack gap="sm">
      <AuditFilters users={users ?? []} />
      <Shown query={log}>
        {() => (
          <DataTable
            label="Audit log"
            columns={columns}
            rows={entries}
            rowKey={(e) => e.id}
            rowHref={(e) => href(path, withParams(params.toString(), { entry: e.id }))}
            minWidth={860}
            onEnd={more}
            empty={<Nothing filtered={Object.keys(filter).length > 0} />}
          />
        )}
      </Shown>
      <Group gap="xs" mih={26}>
        {entries.length > 0 && (
          <Text size="xs" c="dimmed" role="status">
            {entries.length} entries{hasNextPage ? ', older ones follow' : ', that is all'}
          </Text>
        )}
        {isFetchingNextPage && <Loader size={14} aria-label="Loading older entries" />}
        {hasNextPage && !isFetchingNextPage && (
          <Button size="compact-xs" variant="default" onClick={more}>
            Load older ones
          </Button>
        )}
      </Group>
      {log.isFetchNextPageError && <ErrorBox error={log.error} retry={more} />}
      <EntryDrawer entry={open} names={names} close={() => change({ entry: undefined })} />
    </Stack>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  const [, change] = useUrlParams();
  if (!filtered) return <Empty icon={ScrollText} title="Nothing was changed yet" />;
  return (
    <Empty
      icon={Filter}
      title="No entry is like that"
      action={
        <Button
          variant="default"
          onClick={() => change(Object.fromEntries(filterKeys.map((k) => [k, undefined])), true)}
        >
          Show all entries
        </Button>
      }
    />
  );
}

function useColumns(names: ReadonlyMap<string, string>): Column<AuditEntry>[] {
  const time = useFormatTime();
  return useMemo(
    (): Column<AuditEntry>[] => [
      { key: 'time', title: 'Time', width: '186px', render: (e) => time(e.time) },
      {
        key: 'who',
        title: 'Who',
        width: 'minmax(8rem, 0.8fr)',
        render: (e) => <span title={`${e.actor_type} ${e.actor_name}`}>{actorName(e)}</span>,
      },
      {
        key: 'action',
        title: 'What',
        width: 'minmax(11rem, 1fr)',
        render: (e) => <span title={e.action}>{actions[e.action] ?? e.action}</span>,
      },
      {
        key: 'target',
        title: 'Target',
        width: 'minmax(10rem, 1fr)',
        render: (e) => (
          <span title={`${e.target_type} ${e.target_id ?? ''}`}>
            {targetName(e, names)}{' '}
            <Text span size="xs" c="dimmed">
              {targetTypes[e.target_type] ?? e.target_type}
            </Text>
          </span>
        ),
      },
      {
        key: 'detail',
        title: 'Detail',
        width: 'minmax(10rem, 2fr)',
        render: (e) => (
          <Text span size="sm" c="dimmed">
            {pairs(e.detail, time)
              .filter(([, v]) => v !== '–' && v !== targetName(e, names))
              .map(([k, v]) => `${k}: ${v}`)
              .join(' · ')}
          </Text>
        ),
      },
    ],
    [time, names],
  );
}
