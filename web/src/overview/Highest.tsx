import { Anchor, SimpleGrid, Text } from '@mantine/core';
import { Link } from 'wouter';
import { hostPath } from '../host/host';
import { Meter } from '../host/Meter';
import { severityOf } from '../host/severity';
import { useHref } from '../lib/url';
import type { VectorSample } from '../metric/promql';
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
export function Highest() {
  const link = useHref();
  return (
    <Section title="Highest now" more={{ href: link('/hosts', { sort: '-cpu' }), words: 'all hosts' }}>
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="md" verticalSpacing={6}>
        {kinds.map(([kind, title]) => (
          <div key={kind} style={{ minWidth: 0 }}>
            <Text size="xs" c="dimmed" component="h3" m={0} fw={500}>
              {title}
            </Text>
            <Top kind={kind} />
          </div>
        ))}
      </SimpleGrid>
    </Section>
  );
}

function Top({ kind }: { kind: Kind }) {
  const top = useTop(kind);
  return <Shown query={top}>{(samples) => <Ranking kind={kind} samples={samples} />}</Shown>;
}

function Ranking({ kind, samples }: { kind: Kind; samples: VectorSample[] }) {
  const link = useHref();
  if (samples.length === 0)
    return (
      <Text size="sm" c="dimmed">
        no numbers yet
      </Text>
    );
  return (
    <ol className={classes.list}>
      {samples.map((s) => {
        const instance = s.metric.instance ?? '';
        const value = Number(s.value[1]);
        const mount = s.metric.mountpoint;
        return (
          <li key={`${instance} ${mount ?? ''}`}>
            <Anchor
              component={Link}
              href={link(hostPath(instance))}
              size="sm"
              className={classes.grow}
              title={mount ? `${mount} of ${instance}` : instance}
            >
              {instance}
              {mount && (
                <Text span size="xs" c="dimmed" ml={5}>
                  {mount}
                </Text>
              )}
            </Anchor>
            <Meter value={value} severity={severityOf(kind, value)} track={false} />
          </li>
        );
      })}
    </ol>
  );
}
