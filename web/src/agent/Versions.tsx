import { Group, Text, UnstyledButton } from '@mantine/core';
import { useUrlParams } from '../lib/url';
import classes from './Fleet.module.css';
import { countVersions, type Standing, standing } from './version';

const words: Record<Standing, string> = { behind: 'behind', same: 'as the collector', ahead: 'ahead', other: '' };

/** How many agents run each version, the oldest first; a click shows only those. When all run the collector's there is nothing to tell. */
export function Versions({ versions, collector }: { versions: string[]; collector?: string }) {
  const [params, change] = useUrlParams();
  const chosen = params.get('version') ?? '';
  const counts = countVersions(versions);
  if (counts.length === 0) return null;
  const judged = counts.map((c) => ({ ...c, standing: collector ? standing(c.version, collector) : 'other' }));
  if (judged.length === 1 && judged[0]?.standing === 'same' && !chosen) return null;
  return (
    <div>
      <div className={classes.bar} aria-hidden>
        {judged.map((v) => (
          <div key={v.version} data-standing={v.standing} style={{ flexGrow: v.count }} />
        ))}
      </div>
      <Group gap={4} mt={4} role="group" aria-label="Versions of agents, the oldest first">
        {judged.map((v) => (
          <UnstyledButton
            key={v.version}
            className={classes.chip}
            aria-pressed={chosen === v.version}
            onClick={() => change({ version: chosen === v.version ? undefined : v.version }, true)}
          >
            <span className={classes.swatch} data-standing={v.standing} aria-hidden />
            <Text span size="xs" fw={600}>
              {v.version || 'unknown'}
            </Text>
            <Text span size="xs">
              {v.count.toLocaleString('en')}
            </Text>
            {words[v.standing as Standing] && (
              <Text span size="xs" c="dimmed">
                {words[v.standing as Standing]}
              </Text>
            )}
          </UnstyledButton>
        ))}
      </Group>
    </div>
  );
}
