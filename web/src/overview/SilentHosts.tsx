import { Link } from 'wouter';
import { StateMark } from '../agent/StateMark';
import { hostPath } from '../host/host';
import { since } from '../lib/time';
import { useHref } from '../lib/url';
import { useLive } from '../live/live';
import type { Status } from '../status/status';
import plain from '../ui/plain.module.css';
import { useFormatTime } from '../ui/prefs';
import { Shown } from '../ui/State';
import classes from './OverviewPage.module.css';
import { Section } from './Section';
import { shown, useSilent } from './trouble';
import { Well } from './Well';

/** Hosts that are not heard of, with since when. */
export function SilentHosts({ status }: { status: Status }) {
  const silent = useSilent();
  const link = useHref();
  const write = useFormatTime();
  const { now } = useLive();
  const n = (status.agents.down ?? 0) + (status.agents.warn ?? 0);
  return (
    <Section
      title="Silent"
      more={n > shown ? { href: link('/hosts', { state: ['down', 'warn'] }), words: `all ${n}` } : undefined}
    >
      <Shown query={silent}>
        {(all) =>
          all.length === 0 ? (
            <Well>Every host that ever reported is heard of.</Well>
          ) : (
            <ul className={classes.list}>
              {all.map((a) => (
                <li key={a.id}>
                  <span style={{ flex: 'none', width: 74 }}>
                    <StateMark state={a.state} />
                  </span>
                  <Link href={link(hostPath(a.instance))} className={`${plain.link} ${classes.grow}`}>
                    {a.instance}
                  </Link>
                  {a.last_seen_at && (
                    <>
                      <span>for {since(Date.parse(a.last_seen_at), now)}</span>
                      <span className={`${classes.aside} ${classes.roomy}`}>
                        last heard of {write(a.last_seen_at, 'time')}
                      </span>
                    </>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </Section>
  );
}
