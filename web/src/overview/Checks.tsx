import { Anchor, Text } from '@mantine/core';
import { Link } from 'wouter';
import { hostPath } from '../host/host';
import { StatusMark } from '../host/StatusMark';
import { useHref } from '../lib/url';
import { Shown } from '../ui/State';
import classes from './OverviewPage.module.css';
import { Section } from './Section';
import { type Failing, shown, useFailing } from './trouble';
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
              {all.map((f) => (
                <Row key={f.agent.id} failing={f} />
              ))}
            </ul>
          )
        }
      </Shown>
    </Section>
  );
}

function Row({ failing: { agent, results } }: { failing: Failing }) {
  const link = useHref();
  const [worst, ...others] = results;
  if (!worst) return null;
  const about = worst.resource && worst.resource !== 'check' ? ` · ${worst.resource}` : '';
  return (
    <li>
      <span style={{ flex: 'none', width: 88 }}>
        <StatusMark status={worst.status} />
      </span>
      <Anchor
        component={Link}
        href={link(hostPath(agent.instance), { tab: 'checks' })}
        size="sm"
        style={{ flex: 'none', maxWidth: '40%', overflow: 'hidden', textOverflow: 'ellipsis' }}
      >
        {agent.instance}
      </Anchor>
      <Text span size="sm" className={classes.grow} title={`${worst.check}${about}: ${worst.output}`}>
        {worst.check}
        {about}: {worst.output}
      </Text>
      {others.length > 0 && <span className={classes.aside}>and {others.length} more</span>}
    </li>
  );
}
