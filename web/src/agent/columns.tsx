import { Menu, Tooltip } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { format } from '../lib/number';
import { since } from '../lib/time';
import { useHref } from '../lib/url';
import { useNow } from '../live/live';
import { type Column, hidden } from '../ui/DataTable';
import { Ban, Copy, History, Trash2, TriangleAlert } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { RowMenu } from '../ui/RowMenu';
import type { Agent } from './agent';
import classes from './Fleet.module.css';
import { StateMark, stateNames } from './StateMark';
import marks from './StateMark.module.css';
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

type MakeHref = ReturnType<typeof useHref>;
type WriteTime = ReturnType<typeof useFormatTime>;

/** An agent renews at two thirds of its certificate's life; one that ends this soon was not renewed. */
const soon = 15 * 86_400_000;

const ms = (time: string | undefined) => (time ? Date.parse(time) : undefined);

/**
 * The columns of the table of agents. There are hundreds of cells: they are plain elements, and only those that follow the
 * time know the time, so that its passing draws no others and sorts nothing anew.
 */
export function useAgentColumns({ revoked, collector, lag, revoke, remove }: Options): Column<Agent>[] {
  const link = useHref();
  const time = useFormatTime();
  return useMemo(
    (): Column<Agent>[] => [
      ...namingColumns(link, time, collector),
      {
        key: 'enrolled',
        title: 'Enrolled',
        width: '152px',
        descending: true,
        value: (a) => ms(a.enrolled_at),
        render: (a) => time(a.enrolled_at, 'minute'),
      },
      {
        key: 'with',
        title: 'With token',
        width: '96px',
        value: (a) => a.enrolled_with,
        render: (a) => <With agent={a} link={link} />,
      },
      {
        key: 'seen',
        title: 'Last seen',
        width: '112px',
        align: 'right',
        descending: true,
        value: (a) => ms(a.last_seen_at),
        render: (a) => (a.last_seen_at ? <Ago time={a.last_seen_at} write={time} /> : '–'),
      },
      ...(revoked ? revokedColumns(time) : livingColumns(time, lag)),
      {
        key: 'menu',
        title: 'Actions',
        head: hidden('Actions'),
        width: '44px',
        render: (a) => (
          <RowMenu label={`Actions for ${a.instance}`}>
            {() => <Actions agent={a} revoke={revoke} remove={remove} />}
          </RowMenu>
        ),
      },
    ],
    [link, time, revoked, collector, lag, revoke, remove],
  );
}

/** What an agent is. */
function namingColumns(link: MakeHref, time: WriteTime, collector?: string): Column<Agent>[] {
  return [
    {
      key: 'instance',
      title: 'Instance',
      width: 'minmax(11rem, 2fr)',
      value: (a) => a.instance,
      render: (a) => (
        <Link
          href={link(`/hosts/${encodeURIComponent(a.instance)}`)}
          className={classes.link}
          title={a.hostname === a.instance ? a.instance : `${a.instance}, calls itself ${a.hostname}`}
        >
          {a.instance}
        </Link>
      ),
    },
    {
      key: 'state',
      title: 'State',
      width: '112px',
      value: (a) => stateNames.indexOf(a.state),
      render: (a) => <State agent={a} time={time} />,
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
      render: (a) => <span title={a.remote_addr}>{a.remote_addr || '–'}</span>,
    },
  ];
}

function livingColumns(time: WriteTime, lag: Map<string, number>): Column<Agent>[] {
  return [
    {
      key: 'certificate',
      title: 'Certificate',
      width: '104px',
      align: 'right',
      value: (a) => ms(a.certificate_expires_at),
      render: (a) => (a.certificate_expires_at ? <Expiry time={a.certificate_expires_at} write={time} /> : '–'),
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

function revokedColumns(time: WriteTime): Column<Agent>[] {
  return [
    {
      key: 'revoked',
      title: 'Revoked',
      width: '152px',
      descending: true,
      value: (a) => ms(a.revoked_at),
      render: (a) => time(a.revoked_at, 'minute'),
    },
    {
      key: 'reason',
      title: 'Reason',
      width: 'minmax(9rem, 1.4fr)',
      value: (a) => a.revoked_reason || undefined,
      render: (a) => <span title={a.revoked_reason}>{a.revoked_reason || '–'}</span>,
    },
  ];
}

function State({ agent: a, time }: { agent: Agent; time: WriteTime }) {
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
  if (!behind) return a.version || '–';
  return (
    <span className={marks.mark} title={`behind the collector, which runs ${collector}`}>
      {a.version}
      <History size={13} role="img" aria-label="behind the collector" />
    </span>
  );
}

function With({ agent: a, link }: { agent: Agent; link: MakeHref }) {
  const source = a.enrolled_with.startsWith('clone:') ? a.enrolled_with.slice(6) : undefined;
  return (
    <Link
      href={source ? link('/fleet', { search: source }) : link('/fleet', { with: a.enrolled_with })}
      className={classes.link}
      title={source ? `a clone of agent ${source}` : `all agents of token ${a.enrolled_with}`}
    >
      {source ? 'clone' : a.enrolled_with.slice(-8)}
    </Link>
  );
}

function Ago({ time, write }: { time: string; write: WriteTime }) {
  const now = useNow();
  return <span title={write(time)}>{since(Date.parse(time), now)} ago</span>;
}

function Expiry({ time, write }: { time: string; write: WriteTime }) {
  const now = useNow();
  const left = Date.parse(time) - now;
  const text = left <= 0 ? 'expired' : since(now, now + left);
  if (left >= soon) return <span title={`valid until ${write(time)}`}>{text}</span>;
  return (
    <span className={marks.mark} title={`valid until ${write(time)}, was not renewed`}>
      <TriangleAlert size={13} role="img" aria-label="not renewed" />
      {text}
    </span>
  );
}

function Actions({ agent: a, revoke, remove }: { agent: Agent } & Pick<Options, 'revoke' | 'remove'>) {
  const clipboard = useClipboard();
  return (
    <>
      <Menu.Item leftSection={<Copy size={15} aria-hidden />} onClick={() => clipboard.copy(a.id)}>
        Copy the agent’s id
      </Menu.Item>
      {a.state === 'revoked' ? (
        <Menu.Item leftSection={<Trash2 size={15} aria-hidden />} disabled={!remove} onClick={() => remove?.(a)}>
          Delete…{remove ? '' : ' (for operators)'}
        </Menu.Item>
      ) : (
        <Menu.Item leftSection={<Ban size={15} aria-hidden />} disabled={!revoke} onClick={() => revoke?.(a)}>
          Revoke…{revoke ? '' : ' (for operators)'}
        </Menu.Item>
      )}
    </>
  );
}
