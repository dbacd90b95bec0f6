import { SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import { ChartCard } from '../chart/ChartCard';
import { format } from '../lib/number';
import { since, stepFor } from '../lib/time';
import { useLive, useSpan } from '../live/live';
import { Facts } from '../ui/DataTable';
import { CircleCheck } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { agentPanels } from './agentPanels';
import { Fix } from './Fix';
import classes from './HostCharts.module.css';
import { Flagged } from './HostHeader';
import type { OneHost } from './host';
import { rateWindow } from './panel';
import { type AgentNumbers, useInterval } from './series';

type Props = { host: OneHost; numbers: AgentNumbers | undefined };

/** What a host's agent says of itself: what it cannot collect, how it delivers, what it costs. */
export function HostAgent({ host, numbers }: Props) {
  const span = useSpan();
  const interval = useInterval(host.instance);
  const window = rateWindow(stepFor(span.to - span.from), interval);
  const panels = useMemo(() => agentPanels(host.instance, window), [host.instance, window]);
  return (
    <Stack gap="lg">
      <Part title="What cannot be collected">
        <Gaps capabilities={host.capabilities} />
      </Part>
      <Part title="The agent">
        <Itself host={host} numbers={numbers} interval={interval} />
      </Part>
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="lg">
        <Part title="Spool, by class">
          <Spool numbers={numbers} />
        </Part>
        <Part title="Given up in the last 24 hours">
          <Drops host={host} />
        </Part>
      </SimpleGrid>
      <Part title="Certificates">
        <Certificates host={host} />
      </Part>
      <Part title="Over time">
        <div className={classes.grid}>
          {panels.map((p) => (
            <ChartCard key={p.title} panel={p} sync="host" />
          ))}
        </div>
      </Part>
    </Stack>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} style={{ minWidth: 0 }}>
      <Title order={2} size="h5" mb={6}>
        {title}
      </Title>
      {children}
    </section>
  );
}

function Gaps({ capabilities }: Pick<OneHost, 'capabilities'>) {
  const { now } = useLive();
  const missing = capabilities.filter((c) => !c.available);
  const mendable = missing.filter((c) => c.fix);
  const absent = missing.filter((c) => !c.fix);
  if (capabilities.length === 0)
    return (
      <Text size="sm" c="dimmed">
        The agent has not told what it can collect.
      </Text>
    );
  return (
    <Stack gap="sm">
      {mendable.length === 0 && (
        <Text size="sm">
          <CircleCheck
            size={15}
            color="light-dark(#0b6b62, #4fb0a5)"
            aria-hidden
            style={{ verticalAlign: -2, marginRight: 6 }}
          />
          Everything that this host has is collected.
        </Text>
      )}
      {mendable.map((c) => (
        <Fix key={c.name} name={c.name} reason={c.reason ?? ''} fix={c.fix ?? ''}>
          for {since(Date.parse(c.since), now)}
        </Fix>
      ))}
      {absent.length > 0 && (
        <Text size="sm" c="dimmed">
          Not on this host: {absent.map((c) => `${c.name}${c.reason ? ` (${c.reason})` : ''}`).join(', ')}.
        </Text>
      )}
    </Stack>
  );
}

function Itself({ host, numbers, interval }: Props & { interval: number }) {
  const { now } = useLive();
  const write = useFormatTime();
  const started = numbers?.get('start_time_seconds');
  const skew = numbers?.get('clock_skew_seconds');
  const silent = host.state !== 'up';
  const items: [string, ReactNode][] = [
    ['Version', host.version || '–'],
    ['Enrolled', write(host.enrolled_at, 'minute')],
    ['Started', started ? `${since(started * 1000, now)} ago` : '–'],
    ['Measures every', started ? format(interval, 'seconds') : '–'],
    [
      'Stream',
      host.connected_at && (!host.disconnected_at || host.disconnected_at < host.connected_at)
        ? `open for ${since(Date.parse(host.connected_at), now)}`
        : host.disconnected_at
          ? `closed ${since(Date.parse(host.disconnected_at), now)} ago`
          : 'never opened',
    ],
    ['Streams since its start', format(numbers?.get('streams_total'))],
    ['Connections tried', format(numbers?.get('connection_attempts_total'))],
    ['Clock', <Clock key="clock" skew={skew} />],
    ['Memory', format(numbers?.get('resident_memory_bytes'), 'bytes')],
    ['Sent', format(numbers?.get('wire_sent_bytes_total'), 'bytes')],
    ['Samples sent', format(numbers?.get('sent_samples_total'))],
    [
      'Boot',
      host.boot_id ? (
        <code key="boot" style={{ fontSize: 11 }}>
          {host.boot_id}
        </code>
      ) : (
        '–'
      ),
    ],
    [
      'Agent’s id',
      <code key="id" style={{ fontSize: 11 }}>
        {host.id}
      </code>,
    ],
  ];
  return (
    <Stack gap={6}>
      <Facts items={items} />
      {silent && host.last_seen_at && (
        <Text size="xs" c="dimmed">
          As last told, {write(host.last_seen_at)}.
        </Text>
      )}
    </Stack>
  );
}

/** Samples carry the host's times: a clock that is off puts them at the wrong place. */
function Clock({ skew }: { skew: number | undefined }) {
  if (skew === undefined) return '–';
  const size = Math.abs(skew);
  if (size < 0.05) return 'right';
  return (
    <Flagged bad={size >= 2} text={`${format(size, 'seconds')} ${skew > 0 ? 'ahead of' : 'behind'} the collector’s`} />
  );
}

function Spool({ numbers }: { numbers: AgentNumbers | undefined }) {
  const classOrder = ['results', 'inventory', 'metrics', 'logs'];
  const known = (numbers?.all('spool_records') ?? []).map((s) => s.metric.class ?? '');
  const names = [...new Set(known)].sort((a, b) => classOrder.indexOf(a) - classOrder.indexOf(b));
  if (names.length === 0)
    return (
      <Text size="sm" c="dimmed">
        The agent told nothing of its spool lately.
      </Text>
    );
  return (
    <Table fz="sm" verticalSpacing={4} aria-label="Spool, by class" maw={560}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Class</Table.Th>
          <Table.Th ta="right">Records</Table.Th>
          <Table.Th ta="right">Size</Table.Th>
          <Table.Th ta="right">Oldest</Table.Th>
          <Table.Th ta="right">Given up</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {names.map((c) => {
          const dropped = (numbers?.all('spool_dropped_records_total') ?? [])
            .filter((s) => s.metric.class === c)
            .reduce((sum, s) => sum + s.value, 0);
          return (
            <Table.Tr key={c}>
              <Table.Td>{c}</Table.Td>
              <Table.Td ta="right">{format(numbers?.get('spool_records', { class: c }))}</Table.Td>
              <Table.Td ta="right">{format(numbers?.get('spool_bytes', { class: c }), 'bytes')}</Table.Td>
              <Table.Td ta="right">{format(numbers?.get('spool_lag_seconds', { class: c }), 'seconds')}</Table.Td>
              <Table.Td ta="right">{format(dropped)}</Table.Td>
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}

function Drops({ host }: { host: OneHost }) {
  const write = useFormatTime();
  if (host.drops.length === 0)
    return (
      <Text size="sm" c="dimmed">
        Nothing: all that was measured was delivered, or waits.
      </Text>
    );
  return (
    <Table.ScrollContainer minWidth={420} mah={300} type="native" tabIndex={0}>
      <Table fz="sm" verticalSpacing={4} aria-label="Given up in the last 24 hours">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>When</Table.Th>
            <Table.Th>Class</Table.Th>
            <Table.Th ta="right">Records</Table.Th>
            <Table.Th ta="right">Size</Table.Th>
            <Table.Th>Why</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {host.drops.map((d) => (
            <Table.Tr key={`${d.class} ${d.first} ${d.last}`}>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>{write(d.time, 'minute')}</Table.Td>
              <Table.Td>{d.class}</Table.Td>
              <Table.Td ta="right">{format(d.records)}</Table.Td>
              <Table.Td ta="right">{format(d.bytes, 'bytes')}</Table.Td>
              <Table.Td>{d.reason}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Certificates({ host }: { host: OneHost }) {
  const { now } = useLive();
  const write = useFormatTime();
  const state = (c: OneHost['certificates'][number]) => {
    if (c.revoked_at)
      return `revoked ${write(c.revoked_at, 'minute')}${c.revoked_reason ? `: ${c.revoked_reason}` : ''}`;
    return Date.parse(c.not_after) <= now ? 'expired' : 'good';
  };
  return (
    <Table.ScrollContainer minWidth={560} type="native" tabIndex={0}>
      <Table fz="sm" verticalSpacing={4} aria-label="Certificates">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Issued</Table.Th>
            <Table.Th>Good until</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Serial</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {host.certificates.map((c) => (
            <Table.Tr key={c.serial}>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>{write(c.issued_at, 'minute')}</Table.Td>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>{write(c.not_after, 'minute')}</Table.Td>
              <Table.Td>{state(c)}</Table.Td>
              <Table.Td ff="monospace" fz="xs">
                {c.serial}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
