import { Anchor, Text } from '@mantine/core';
import { Link } from 'wouter';
import { StateMark } from '../agent/StateMark';
import { hostPath } from '../host/host';
import { since } from '../lib/time';
import { useHref } from '../lib/url';
import { useLive } from '../live/live';
import type { Status } from '../status/status';
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
                  <Anchor component={Link} href={link(hostPath(a.instance))} size="sm" className={classes.grow}>
                    {a.instance}
                  </Anchor>
                  {a.last_seen_at && (
                    <>
                      <Text span size="sm">
                        for {since(Date.parse(a.last_seen_at), now)}
                      </Text>
                      <Text span className={classes.aside} visibleFrom="sm">
                        last heard of {write(a.last_seen_at, 'time')}
                      </Text>
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
