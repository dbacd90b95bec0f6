import { Anchor, Stack, Text } from '@mantine/core';
import { Link } from 'wouter';
import { type Gap, useGaps } from '../agent/gap';
import { Fix } from '../host/Fix';
import { hostPath } from '../host/host';
import { useHref } from '../lib/url';
import { Shown } from '../ui/State';
import { Section } from './Section';
import { Well } from './Well';

/** How many gaps and hosts of each are named. */
const most = 4;
const named = 3;

/** What could be collected and is not, with what mends it. */
export function Gaps() {
  const gaps = useGaps();
  const link = useHref();
  const n = gaps.data?.length ?? 0;
  return (
    <Section
      title="Cannot be collected"
      more={n > most ? { href: link('/hosts', { sort: '-checks' }), words: `all ${n}` } : undefined}
    >
      <Shown query={gaps}>
        {(all) =>
          all.length === 0 ? (
            <Well>All that the hosts have is collected.</Well>
          ) : (
            <Stack gap={6}>
              {all.slice(0, most).map((g) => (
                <Fix key={`${g.name} ${g.reason} ${g.fix}`} name={g.name} reason={g.reason} fix={g.fix ?? ''}>
                  <Where gap={g} />
                </Fix>
              ))}
            </Stack>
          )
        }
      </Shown>
    </Section>
  );
}

function Where({ gap }: { gap: Gap }) {
  const link = useHref();
  const first = gap.instances.slice(0, named);
  return (
    <Text span size="xs">
      on{' '}
      {first.map((i, n) => (
        <span key={i}>
          {n > 0 && ', '}
          <Anchor component={Link} href={link(hostPath(i), { tab: 'agent' })} size="xs">
            {i}
          </Anchor>
        </span>
      ))}
      {gap.agents > first.length && ` and ${gap.agents - first.length} more`}
    </Text>
  );
}
