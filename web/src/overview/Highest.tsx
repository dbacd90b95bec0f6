import { Link } from 'wouter';
import { hostPath } from '../host/host';
import { Meter } from '../host/Meter';
import { severityOf } from '../host/severity';
import { useHref } from '../lib/url';
import type { VectorSample } from '../metric/promql';
import plain from '../ui/plain.module.css';
import { Shown } from '../ui/State';
import classes from './OverviewPage.module.css';
import { Section } from './Section';
import { useTop } from './top';

type Kind = 'cpu' | 'memory' | 'disk';

const kinds: [kind: Kind, title: string][] = [
  ['cpu', 'CPU used'],
  ['memory', 'Memory used'],
  ['disk', 'Fullest disk'],
];

/** The hosts with the highest numbers now. */
export function Highest({ young }: { young: boolean }) {
  const link = useHref();
  return (
    <Section title="Highest now" more={{ href: link('/hosts', { sort: '-cpu' }), words: 'all hosts' }}>
      <div className={classes.highest}>
        {kinds.map(([kind, title]) => (
          <div key={kind}>
            <h3>{title}</h3>
            <Top kind={kind} young={young} />
          </div>
        ))}
      </div>
    </Section>
  );
}

function Top({ kind, young }: { kind: Kind; young: boolean }) {
  const top = useTop(kind, young);
  return <Shown query={top}>{(samples) => <Ranking kind={kind} samples={samples} />}</Shown>;
}

function Ranking({ kind, samples }: { kind: Kind; samples: VectorSample[] }) {
  const link = useHref();
  if (samples.length === 0) return <div className={plain.dim}>no numbers yet</div>;
  return (
    <ol className={classes.list}>
      {samples.map((s) => {
        const instance = s.metric.instance ?? '';
        const value = Number(s.value[1]);
        const mount = s.metric.mountpoint;
        return (
          <li key={`${instance} ${mount ?? ''}`}>
            <Link
              href={link(hostPath(instance))}
              className={`${plain.link} ${classes.grow}`}
              title={mount ? `${mount} of ${instance}` : instance}
            >
              {instance}
              {mount && <span className={plain.dim}> {mount}</span>}
            </Link>
            <Meter value={value} severity={severityOf(kind, value)} track={false} />
          </li>
        );
      })}
    </ol>
  );
}
