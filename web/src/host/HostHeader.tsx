import { Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { StateMark } from '../agent/StateMark';
import { format } from '../lib/number';
import { since } from '../lib/time';
import { useLive } from '../live/live';
import { Facts } from '../ui/DataTable';
import { useFormatTime } from '../ui/prefs';
import { certificateEnd, type OneHost } from './host';
import { SeverityIcon } from './Meter';
import type { AgentNumbers } from './series';

const text = (facts: unknown, key: string): string => {
  const value = (facts as Record<string, unknown> | undefined)?.[key];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
};

/** What a host is, in one line. */
export function HostLine({ host, facts }: { host: OneHost; facts: unknown }) {
  const memory = Number(text(facts, 'memory_bytes'));
  const cpus = text(facts, 'cpus');
  const parts = [
    host.hostname !== host.instance && `calls itself ${host.hostname}`,
    text(facts, 'platform') || host.os,
    text(facts, 'kernel') && `kernel ${text(facts, 'kernel')}`,
    host.arch,
    cpus && `${cpus} ${cpus === '1' ? 'CPU' : 'CPUs'}`,
    memory > 0 && format(memory, 'bytes'),
  ].filter(Boolean);
  return (
    <Group gap={6} mt={2} c="var(--mantine-color-text)">
      <StateMark state={host.state} />
      <Text span size="sm" c="dimmed">
        {parts.join(' · ')}
      </Text>
    </Group>
  );
}

/** An agent renews its certificate in good time; one that ends this soon was not renewed. */
const soon = 15 * 86_400_000;

/** What is worth knowing of a host at any time. */
export function HostFacts({ host, numbers }: { host: OneHost; numbers: AgentNumbers | undefined }) {
  const { now } = useLive();
  const write = useFormatTime();
  const boot = host.state === 'up' ? numbers?.get('node_boot_time_seconds') : undefined;
  const lag = numbers?.max('spool_lag_seconds');
  const records = numbers?.all('spool_records') ?? [];
  const spool = records.reduce((sum, s) => sum + s.value, 0);
  const end = certificateEnd(host);
  const items: [string, ReactNode][] = [
    [
      'Uptime',
      boot ? (
        <span key="boot" title={`since ${write(boot * 1000)}`}>
          {since(boot * 1000, now)}
        </span>
      ) : (
        '–'
      ),
    ],
    ['Last heard of', <Seen key="seen" host={host} />],
    ['Delivery lag', <Flagged key="lag" bad={(lag ?? 0) > 60} text={format(lag, 'seconds')} />],
    ['Waiting to be delivered', records.length > 0 ? `${format(spool)} ${spool === 1 ? 'record' : 'records'}` : '–'],
    [
      'Certificate',
      end ? (
        <span key="end" title={write(end)}>
          <Flagged bad={end - now < soon} text={end <= now ? 'expired' : `for ${since(now, end)}`} />
        </span>
      ) : (
        '–'
      ),
    ],
    ['Agent', host.version || '–'],
    ['Address', host.remote_addr || '–'],
  ];
  return (
    <div style={{ marginBottom: 'var(--mantine-spacing-sm)' }}>
      <Facts items={items} />
    </div>
  );
}

function Seen({ host }: { host: OneHost }) {
  const { now } = useLive();
  const write = useFormatTime();
  if (!host.last_seen_at) return 'never';
  return <span title={write(host.last_seen_at)}>{since(Date.parse(host.last_seen_at), now)} ago</span>;
}

/** A fact with a warning beside it when it is bad. */
export function Flagged({ bad, text: words }: { bad: boolean; text: string }) {
  return (
    <Group gap={5} wrap="nowrap" component="span" fw={bad ? 700 : undefined}>
      {bad && <SeverityIcon severity="warning" />}
      {words}
    </Group>
  );
}
