import { Link } from 'wouter';
import type { Agent } from '../agent/agent';
import type { Schema } from '../api/types';
import { hostPath } from '../host/host';
import { StatusMark } from '../host/StatusMark';
import { useHref } from '../lib/url';
import plain from '../ui/plain.module.css';
import { Shown } from '../ui/State';
import classes from './OverviewPage.module.css';
import { Section } from './Section';
import { shown, useFailing, useNotOk } from './trouble';
import { Well } from './Well';

/** What checks found that is not ok, on the hosts where it is worst. */
export function Checks() {
  const failing = useFailing();
  const link = useHref();
  const full = failing.data?.length === shown;
  return (
    <Section title="Checks" more={full ? { href: link('/hosts', { sort: '-checks' }), words: 'all hosts' } : undefined}>
      <Shown query={failing}>
        {(all) =>
          all.length === 0 ? (
            <Well>All checks are ok.</Well>
          ) : (
            <ul className={classes.list}>
              {all.map((a) => (
                <Row key={a.id} agent={a} />
              ))}
            </ul>
          )
        }
      </Shown>
    </Section>
  );
}

/** A host and the worst that its checks found; what that is comes a little later. */
function Row({ agent }: { agent: Agent }) {
  const link = useHref();
  const worst = useNotOk(agent.id).data?.[0];
  const others = (agent.worst_result?.not_ok ?? 0) - 1;
  const words = worst ? `${subject(worst)}: ${worst.output}` : '';
  return (
    <li>
      <span style={{ flex: 'none', width: 88 }}>
        <StatusMark status={agent.worst_result?.status ?? 'unknown'} />
      </span>
      <Link
        href={link(hostPath(agent.instance), { tab: 'checks' })}
        className={plain.link}
        style={{ flex: 'none', maxWidth: '40%', overflow: 'hidden', textOverflow: 'ellipsis' }}
      >
        {agent.instance}
      </Link>
      <span className={classes.grow} title={words}>
        {words}
      </span>
      {others > 0 && <span className={classes.aside}>and {others} more</span>}
    </li>
  );
}

const subject = (r: Schema<'Result'>) =>
  r.resource && r.resource !== 'check' ? `${r.check} · ${r.resource}` : r.check;
