import { ActionIcon, Anchor, Group, Menu, Text, Tooltip } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { Ban, Copy, EllipsisVertical, History, Trash2, TriangleAlert } from 'lucide-react';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { format } from '../lib/number';
import { since } from '../lib/time';
import { useHref } from '../lib/url';
import { useLive } from '../live/live';
import { type Column, hidden } from '../ui/DataTable';
import { useFormatTime } from '../ui/prefs';
import type { Agent } from './agent';
import { StateMark, stateNames } from './StateMark';
import { standing } from './version';

type Options = {
  /** Shows when and why instead of what only living agents have. */
  revoked?: boolean;
  /** The collector's version. */
  collector?: string;
  /** Seconds by instance. */
  lag: Map<string, number>;
  /** Absent when the user may not. */
  revoke?: (a: Agent) => void;
  remove?: (a: Agent) => void;
};

/** An agent renews in good time; a certificate that ends this soon was not renewed. */
const soon = 15 * 86_400_000;

const ms = (time: string | undefined) => (time ? Date.parse(time) : undefined);

/** The columns of the table of agents. Ages come from cells of their own, so that the passing of time sorts nothing anew. */
export function useAgentColumns({ revoked, collector, lag, revoke, remove }: Options): Column<Agent>[] {
  // The actions are setters wrapped anew on every render; that they exist is what counts.
  const may = Boolean(revoke && remove);
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  return useMemo((): Column<Agent>[] => {
    return [
      {
        key: 'instance',
        title: 'Instance',
        width: 'minmax(11rem, 2fr)',
        value: (a) => a.instance,
        render: (a) => <Name agent={a} />,
      },
      {
        key: 'state',
        title: 'State',
        width: '112px',
        value: (a) => stateNames.indexOf(a.state),
        render: (a) => <State agent={a} />,
      },
      {
        key: 'version',
        title: 'Version',
        width: 'minmax(6.5rem, 0.8fr)',
        value: (a) => a.version,
        render: (a) => <Version agent={a} collector={collector} />,
      },
      {
        key: 'system',
        title: 'System',
        width: '112px',
        value: (a) => `${a.os} ${a.arch}`,
        render: (a) => `${a.os} ${a.arch}`,
      },
      {
        key: 'address',
        title: 'Address',
        width: 'minmax(9rem, 1.1fr)',
        value: (a) => a.remote_addr || undefined,
        render: (a) => a.remote_addr || '–',
      },
      {
        key: 'enrolled',
        title: 'Enrolled',
        width: '152px',
        descending: true,
        value: (a) => ms(a.enrolled_at),
        render: (a) => <At time={a.enrolled_at} />,
      },
      {
        key: 'with',
        title: 'With token',
        width: '96px',
        value: (a) => a.enrolled_with,
        render: (a) => <With agent={a} />,
      },
      {
        key: 'seen',
        title: 'Last seen',
        width: '112px',
        align: 'right',
        descending: true,
        value: (a) => ms(a.last_seen_at),
        render: (a) => <Ago time={a.last_seen_at} />,
      },
      ...(revoked ? revokedColumns : livingColumns(lag)),
      {
        key: 'menu',
        title: 'Actions',
        head: hidden('Actions'),
        width: '44px',
        render: (a) => <Actions agent={a} revoke={revoke} remove={remove} />,
      },
    ];
  }, [revoked, collector, lag, may]);
}

function livingColumns(lag: Map<string, number>): Column<Agent>[] {
  return [
    {
      key: 'certificate',
      title: 'Certificate',
      width: '104px',
      align: 'right',
      value: (a) => ms(a.certificate_expires_at),
      render: (a) => <Expiry time={a.certificate_expires_at} />,
    },
    {
      key: 'lag',
      title: 'Lag',
      width: '78px',
      align: 'right',
      descending: true,
      value: (a) => lag.get(a.instance),
      render: (a) => format(lag.get(a.instance), 'seconds'),
    },
  ];
}

const revokedColumns: Column<Agent>[] = [
  {
    key: 'revoked',
    title: 'Revoked',
    width: '152px',
    descending: true,
    value: (a) => ms(a.revoked_at),
    render: (a) => a.revoked_at && <At time={a.revoked_at} />,
  },
  {
    key: 'reason',
    title: 'Reason',
    width: 'minmax(9rem, 1.4fr)',
    value: (a) => a.revoked_reason || undefined,
    render: (a) => <span title={a.revoked_reason}>{a.revoked_reason || '–'}</span>,
  },
];

function Name({ agent: a }: { agent: Agent }) {
  const link = useHref();
  return (
    <Anchor
      component={Link}
      href={link(`/hosts/${encodeURIComponent(a.instance)}`)}
      size="sm"
      title={a.hostname === a.instance ? a.instance : `${a.instance}, calls itself ${a.hostname}`}
    >
      {a.instance}
    </Anchor>
  );
}

function State({ agent: a }: { agent: Agent }) {
  const time = useFormatTime();
  if (a.state !== 'revoked') return <StateMark state={a.state} />;
  return (
    <Tooltip label={`${time(a.revoked_at, 'minute')}: ${a.revoked_reason || 'no reason was given'}`}>
      <span>
        <StateMark state={a.state} />
      </span>
    </Tooltip>
  );
}

function Version({ agent: a, collector }: { agent: Agent; collector?: string }) {
  const behind = collector !== undefined && a.state !== 'revoked' && standing(a.version, collector) === 'behind';
  return (
    <Group gap={5} wrap="nowrap" title={behind ? `behind the collector, which runs ${collector}` : undefined}>
      <Text span size="sm" truncate>
        {a.version || '–'}
      </Text>
      {behind && <History size={13} role="img" aria-label="behind the collector" style={{ flex: 'none' }} />}
    </Group>
  );
}

function At({ time }: { time: string }) {
  return useFormatTime()(time, 'minute');
}

function With({ agent: a }: { agent: Agent }) {
  const link = useHref();
  const source = a.enrolled_with.startsWith('clone:') ? a.enrolled_with.slice(6) : undefined;
  if (source)
    return (
      <Anchor component={Link} href={link('/fleet', { search: source })} size="sm" title={`a clone of agent ${source}`}>
        clone
      </Anchor>
    );
  return (
    <Anchor
      component={Link}
      href={link('/fleet', { with: a.enrolled_with })}
      size="sm"
      title={`all agents of token ${a.enrolled_with}`}
    >
      {a.enrolled_with.slice(-8)}
    </Anchor>
  );
}

function Ago({ time }: { time?: string }) {
  const { now } = useLive();
  const write = useFormatTime();
  if (!time) return '–';
  return <span title={write(time)}>{since(Date.parse(time), now)} ago</span>;
}

function Expiry({ time }: { time?: string }) {
  const { now } = useLive();
  const write = useFormatTime();
  if (!time) return '–';
  const left = Date.parse(time) - now;
  return (
    <Group gap={5} wrap="nowrap" justify="flex-end" title={`valid until ${write(time)}`}>
      {left < soon && <TriangleAlert size={13} role="img" aria-label="not renewed" style={{ flex: 'none' }} />}
      {left <= 0 ? 'expired' : since(now, now + left)}
    </Group>
  );
}

function Actions({ agent: a, revoke, remove }: { agent: Agent } & Pick<Options, 'revoke' | 'remove'>) {
  const clipboard = useClipboard();
  return (
    <Menu position="bottom-end" shadow="md" withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`Actions for ${a.instance}`}>
          <EllipsisVertical size={15} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown data-own>
        <Menu.Item leftSection={<Copy size={15} aria-hidden />} onClick={() => clipboard.copy(a.id)}>
          Copy the agent’s id
        </Menu.Item>
        {a.state !== 'revoked' && (
          <Menu.Item leftSection={<Ban size={15} aria-hidden />} disabled={!revoke} onClick={() => revoke?.(a)}>
            Revoke…{revoke ? '' : ' (for operators)'}
          </Menu.Item>
        )}
        {a.state === 'revoked' && (
          <Menu.Item leftSection={<Trash2 size={15} aria-hidden />} disabled={!remove} onClick={() => remove?.(a)}>
            Delete…{remove ? '' : ' (for operators)'}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
