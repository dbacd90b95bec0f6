import { Text } from '@mantine/core';
import classes from './Explore.module.css';
import { type Labels, seriesName } from './promql';

/** What all series have in common, said once. */
export function Shared({ common }: { common: Labels }) {
  if (Object.keys(common).length === 0) return null;
  return (
    <Text size="xs" c="dimmed" component="div">
      All series: <span className={classes.code}>{seriesName(common)}</span>
    </Text>
  );
}
