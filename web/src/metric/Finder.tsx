import { Badge, Box, Drawer, Group, Kbd, Loader, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { ErrorBox } from '../ui/State';
import classes from './Explore.module.css';
import { MetricDetail } from './MetricDetail';
import { Picker } from './Picker';
import { type MetricName, useMetricNames } from './promql';

type Props = {
  opened: boolean;
  close: () => void;
  span: { from: number; to: number };
  /** Runs a query for what was chosen; given again with `was`, the query that it made before, it replaces that one. */
  ask: (query: string, was?: string) => void;
  /** Writes a name where the cursor was. */
  insert: (name: string) => void;
};

/** Finds metrics among all that there are, and makes queries of them. */
export function Finder({ opened, close, ...rest }: Props) {
  return (
    <Drawer
      opened={opened}
      onClose={close}
      position="right"
      size={440}
      padding="sm"
      title={<Text fw={600}>Find a metric</Text>}
      withOverlay={false}
      lockScroll={false}
      shadow="xl"
      classNames={{ content: classes.beside }}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Content close={close} {...rest} />
    </Drawer>
  );
}

function Content({ close, span, ask, insert }: Omit<Props, 'opened'>) {
  const [text, setText] = useState('');
  const [search] = useDebouncedValue(text.trim(), 80);
  const [chosen, setChosen] = useState<MetricName>();
  const found = useMetricNames(search, 200);
  if (chosen) return <MetricDetail metric={chosen} span={span} ask={ask} back={() => setChosen(undefined)} />;
  const items = found.data?.items ?? [];
  const total = found.data?.total ?? 0;
  return (
    <>
      <Picker
        label="Search all metrics"
        placeholder="Words of its name or its description"
        text={text}
        setText={setText}
        items={items}
        fresh={text.trim() === search && !found.isPlaceholderData && !found.isPending}
        itemKey={(m) => m.name}
        choose={(m, other) => {
          if (other) {
            insert(m.name);
            close();
          } else setChosen(m);
        }}
        rowHeight={48}
        height="calc(100dvh - 240px)"
        render={(m) => <Option metric={m} />}
        empty={
          found.error ? (
            <ErrorBox error={found.error} retry={() => found.refetch()} />
          ) : (
            <Text size="sm" c="dimmed" p="xs">
              {found.isPending ? <Loader size="xs" aria-label="Searching" /> : 'No metric has these words.'}
            </Text>
          )
        }
      />
      <Group justify="space-between" mt={6} gap="xs">
        <Text size="xs" c="dimmed" role="status">
          {total > items.length
            ? `The ${items.length} best of ${total.toLocaleString('en')}`
            : `${total.toLocaleString('en')} found`}
        </Text>
        <Text size="xs" c="dimmed" visibleFrom="xs">
          <Kbd size="xs">Enter</Kbd> asks, <Kbd size="xs">Shift Enter</Kbd> writes the name at the cursor
        </Text>
      </Group>
    </>
  );
}

function Option({ metric: m }: { metric: MetricName }) {
  return (
    <>
      <Group gap={6} wrap="nowrap" justify="space-between">
        <span className={`${classes.code} ${classes.optionText}`} title={m.name}>
          {m.name}
        </span>
        <Kind metric={m} />
      </Group>
      <Text size="xs" c="dimmed" truncate title={m.help}>
        {m.help || 'No description'}
      </Text>
    </>
  );
}

/** A metric's type and unit. */
export function Kind({ metric: { type, unit } }: { metric: Pick<MetricName, 'type' | 'unit'> }) {
  const words = [type === 'unknown' ? '' : type, unit].filter(Boolean).join(', ');
  if (!words) return null;
  return (
    <Badge size="xs" variant="default" tt="none" fw={500} style={{ flex: 'none' }}>
      <Box component="span">{words}</Box>
    </Badge>
  );
}
