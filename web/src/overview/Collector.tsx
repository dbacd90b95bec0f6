import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { format } from '../lib/number';
import { since } from '../lib/time';
import { useLive } from '../live/live';
import { queryInstant } from '../metric/promql';
import type { Status } from '../status/status';
import { Facts } from '../ui/DataTable';
import { useFormatTime } from '../ui/prefs';
import { Section } from './Section';

/** What agents say they send, once each minute: cheap, and near enough. */
function useSampleRate() {
  const { now } = useLive();
  const at = Math.floor(now / 60_000) * 60;
  const q = useQuery({
    queryKey: ['prom', 'sample-rate', at],
    queryFn: ({ signal }) => queryInstant('sum(rate(picket_agent_sent_samples_total[2m]))', at, signal),
    placeholderData: keepPreviousData,
    gcTime: 120_000,
  });
  const value = q.data?.[0]?.value[1];
  return value === undefined ? undefined : Number(value);
}

/** What the collector itself holds. */
export function Collector({ status }: { status: Status }) {
  const { now } = useLive();
  const write = useFormatTime();
  const rate = useSampleRate();
  const { storage } = status;
  const items: [string, ReactNode][] = [
    ['Series', format(storage?.series)],
    ['Samples', rate === undefined ? '–' : format(rate, 'ops/s')],
    ['Disk, samples', format(storage?.metrics_bytes, 'bytes')],
    ...(storage?.database_bytes
      ? [['Disk, rows', format(storage.database_bytes, 'bytes')] as [string, ReactNode]]
      : []),
    [
      'Runs for',
      <span key="up" title={`since ${write(status.started_at)}`}>
        {since(Date.parse(status.started_at), now)}
      </span>,
    ],
    ['Version', status.version],
  ];
  return (
    <Section title="The collector">
      <Facts items={items} />
    </Section>
  );
}
