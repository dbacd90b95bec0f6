import { Group, Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import type { Schema } from '../api/types';
import { useUrlParams } from '../lib/url';
import { type Column, DataTable } from '../ui/DataTable';
import { History, SearchX } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { SearchInput } from '../ui/SearchInput';
import { Empty, Shown } from '../ui/State';
import { useEvents } from './events';
import type { OneHost } from './host';
import { type ResultStatus, StatusMark } from './StatusMark';

type Event = Schema<'AgentEvent'>;

const attributes = (e: Event) =>
  Object.entries(e.attributes ?? {})
    .map(([k, v]) => `${k}=${v}`)
    .join(' ');

/** What happened to a host's agent, the newest first. */
export function HostEvents({ host }: { host: OneHost }) {
  const events = useEvents(host.id, host.events);
  return <Shown query={events}>{(all) => <List events={all} />}</Shown>;
}

function List({ events }: { events: Event[] }) {
  const [params] = useUrlParams();
  const write = useFormatTime();
  const text = (params.get('search') ?? '').toLowerCase();
  const shown = useMemo(
    () => events.filter((e) => `${e.type} ${e.severity} ${e.message} ${attributes(e)}`.toLowerCase().includes(text)),
    [events, text],
  );
  const columns = useMemo(
    (): Column<Event>[] => [
      {
        key: 'time',
        title: 'Time',
        width: '178px',
        descending: true,
        value: (e) => e.time,
        render: (e) => write(e.time),
      },
      {
        key: 'severity',
        title: 'Severity',
        width: '110px',
        value: (e) => e.severity,
        render: (e) => <StatusMark status={e.severity as ResultStatus} />,
      },
      {
        key: 'type',
        title: 'What',
        width: 'minmax(9rem, 1fr)',
        value: (e) => e.type,
        render: (e) => e.type.replaceAll('_', ' '),
      },
      {
        key: 'message',
        title: 'Message',
        width: 'minmax(16rem, 4fr)',
        render: (e) => {
          const more = attributes(e);
          return (
            <span title={`${e.message}${more && `\n${more}`}`}>
              {e.message}
              {more && (
                <Text span size="xs" c="dimmed" ml={8}>
                  {more}
                </Text>
              )}
            </span>
          );
        },
      },
    ],
    [write],
  );
  if (events.length === 0) {
    return (
      <Empty icon={History} title="Nothing happened yet">
        Starts of the agent, jumps of its clock, checks that hang and the like stand here.
      </Empty>
    );
  }
  return (
    <Stack gap="sm">
      <Group>
        <SearchInput label="Search events" />
      </Group>
      <DataTable
        label="Events"
        columns={columns}
        rows={shown}
        rowKey={(e) => e.id}
        sort="-time"
        minWidth={720}
        empty={<Empty icon={SearchX} title="No event matches" />}
      />
    </Stack>
  );
}
