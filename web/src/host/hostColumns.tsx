import { useMemo } from 'react';
import { Link } from 'wouter';
import type { AgentState } from '../agent/agent';
import { StateMark, states } from '../agent/StateMark';
import { format } from '../lib/number';
import { since } from '../lib/time';
import { useHref } from '../lib/url';
import { useNow } from '../live/live';
import type { Column } from '../ui/DataTable';
import { CircleHelp, Wrench } from '../ui/icons';
import plain from '../ui/plain.module.css';
import { useFormatTime } from '../ui/prefs';
import { type Host, hostPath } from './host';
import { Meter, SeverityIcon } from './Meter';
import { severityOf, severityOfResult } from './severity';

type MakeHref = ReturnType<typeof useHref>;

const ms = (time: string | undefined) => (time ? Date.parse(time) : undefined);

const meter = (kind: 'cpu' | 'memory' | 'disk', track: boolean) => (h: Host) => (
  <Meter
    value={h.numbers[kind]}
    severity={severityOf(kind, h.numbers[kind])}
    track={track}
    title={kind === 'disk' && h.numbers.mount ? `${h.numbers.mount} is the fullest` : undefined}
  />
);

/** The columns of the list of hosts; on a narrow screen those without which it is none. */
export function useHostColumns(narrow: boolean): Column<Host>[] {
  const link = useHref();
  const write = useFormatTime();
  return useMemo(() => {
    const all: (Column<Host> & { wide?: true })[] = [
      {
        key: 'attention',
        title: 'State',
        width: '112px',
        descending: true,
        wide: true,
        value: (h) => h.rank,
        render: (h) => <StateMark state={h.state} />,
      },
      {
        key: 'host',
        title: 'Host',
        width: narrow ? 'minmax(4.5rem, 1.4fr)' : 'minmax(10rem, 2fr)',
        value: (h) => h.instance,
        render: (h) => <Name host={h} icon={narrow} link={link} />,
      },
      {
        key: 'checks',
        title: 'Trouble',
        width: 'minmax(9.5rem, 1fr)',
        descending: true,
        wide: true,
        value: (h) => (h.worst_result?.not_ok ?? 0) * 1000 + (h.gaps ?? 0) || undefined,
        render: (h) => <Trouble host={h} link={link} />,
      },
      {
        key: 'cpu',
        title: 'CPU',
        width: narrow ? '78px' : 'minmax(7rem, 1fr)',
        align: 'right',
        descending: true,
        value: (h) => h.numbers.cpu,
        render: meter('cpu', !narrow),
      },
      {
        key: 'memory',
        title: narrow ? 'Mem' : 'Memory',
        width: narrow ? '78px' : 'minmax(7rem, 1fr)',
        align: 'right',
        descending: true,
        value: (h) => h.numbers.memory,
        render: meter('memory', !narrow),
      },
      {
        key: 'disk',
        title: narrow ? 'Disk' : 'Fullest disk',
        width: narrow ? '78px' : 'minmax(7rem, 1fr)',
        align: 'right',
        descending: true,
        value: (h) => h.numbers.disk,
        render: meter('disk', !narrow),
      },
      {
        key: 'load',
        title: 'Load / CPU',
        width: '98px',
        align: 'right',
        descending: true,
        wide: true,
        value: (h) => h.numbers.load,
        render: (h) => <Load value={h.numbers.load} />,
      },
      {
        key: 'in',
        title: 'Net in',
        width: '98px',
        align: 'right',
        descending: true,
        wide: true,
        value: (h) => h.numbers.in,
        render: (h) => format(h.numbers.in, 'bits/s'),
      },
      {
        key: 'out',
        title: 'Net out',
        width: '98px',
        align: 'right',
        descending: true,
        wide: true,
        value: (h) => h.numbers.out,
        render: (h) => format(h.numbers.out, 'bits/s'),
      },
      {
        key: 'uptime',
        title: 'Uptime',
        width: '80px',
        align: 'right',
        wide: true,
        value: (h) => h.numbers.uptime,
        render: (h) => (h.numbers.uptime === undefined ? '–' : since(0, h.numbers.uptime * 1000)),
      },
      {
        key: 'version',
        title: 'Agent',
        width: 'minmax(5rem, 0.7fr)',
        wide: true,
        value: (h) => h.version,
        render: (h) => h.version || '–',
      },
      {
        key: 'seen',
        title: 'Last seen',
        width: '104px',
        align: 'right',
        descending: true,
        wide: true,
        value: (h) => ms(h.last_seen_at),
        render: (h) => <Ago time={h.last_seen_at} write={write} />,
      },
    ];
    return narrow ? all.filter((c) => !c.wide) : all;
  }, [narrow, link, write]);
}

function StateIcon({ state }: { state: AgentState }) {
  const { icon: Icon, color, word } = states[state];
  return <Icon size={16} color={color} role="img" aria-label={word} style={{ verticalAlign: -3, marginRight: 6 }} />;
}

/** A host's name, with its state before it where there is no column for that. */
function Name({ host: h, icon, link }: { host: Host; icon: boolean; link: MakeHref }) {
  const other = h.hostname && h.hostname !== h.instance ? h.hostname : '';
  return (
    <>
      {icon && <StateIcon state={h.state} />}
      <Link href={link(hostPath(h.instance))} className={plain.link} style={{ fontWeight: 500 }} title={h.instance}>
        {h.instance}
      </Link>
      {other && <span className={plain.dim}> {other}</span>}
    </>
  );
}

/** How many checks are not ok, and how many things cannot be collected though they could be. */
function Trouble({ host: h, link }: { host: Host; link: MakeHref }) {
  const failing = h.worst_result?.not_ok ?? 0;
  const severity = severityOfResult(h.worst_result?.status);
  if (failing === 0 && !h.gaps) return null;
  return (
    <span className={plain.row}>
      {failing > 0 && (
        <Link
          href={link(hostPath(h.instance), { tab: 'checks' })}
          className={`${plain.link} ${plain.quiet} ${plain.row}`}
          title={`worst: ${h.worst_result?.status}`}
        >
          {severity === 'ok' ? <CircleHelp size={14} aria-hidden /> : <SeverityIcon severity={severity} />}
          {failing} {failing === 1 ? 'check' : 'checks'}
        </Link>
      )}
      {Boolean(h.gaps) && (
        <Link
          href={link(hostPath(h.instance), { tab: 'agent' })}
          className={`${plain.link} ${plain.quiet} ${plain.row}`}
          title="cannot be collected; the host’s page says why"
        >
          <Wrench size={13} aria-hidden />
          {h.gaps} {h.gaps === 1 ? 'gap' : 'gaps'}
        </Link>
      )}
    </span>
  );
}

function Load({ value }: { value: number | undefined }) {
  const severity = severityOf('load', value);
  return (
    <span className={plain.row} style={{ fontWeight: severity === 'ok' ? undefined : 700 }}>
      <SeverityIcon severity={severity} />
      {value === undefined ? '–' : value.toFixed(2)}
    </span>
  );
}

/** An age in a cell of its own, so that the passing of time sorts nothing anew. */
export function Ago({ time, write }: { time?: string; write: ReturnType<typeof useFormatTime> }) {
  const now = useNow();
  if (!time) return '–';
  return <span title={write(time)}>{since(Date.parse(time), now)} ago</span>;
}
