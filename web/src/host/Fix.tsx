import { Card, Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Copy } from '../ui/Copy';
import { Wrench } from '../ui/icons';
import classes from './Fix.module.css';

/** One thing that cannot be collected, why, and what mends it, ready to copy. */
export function Fix({
  name,
  reason,
  fix,
  children,
}: {
  name: string;
  reason: string;
  fix: string;
  children?: ReactNode;
}) {
  return (
    <Card withBorder padding="xs">
      <Group gap={6} wrap="nowrap" align="flex-start">
        <Wrench size={15} aria-hidden style={{ flex: 'none', marginTop: 3 }} />
        <div style={{ minWidth: 0, flex: 1 }}>
          <Text size="sm" component="div">
            <b>{name}</b>: {reason}
            {children && (
              <Text span size="xs" c="dimmed" ml={8}>
                {children}
              </Text>
            )}
          </Text>
          {fix && (
            <Group gap={4} wrap="nowrap" align="flex-start" mt={4}>
              <pre className={classes.fix}>{fix}</pre>
              <Copy value={fix} label={`Copy what mends ${name}`} />
            </Group>
          )}
        </div>
      </Group>
    </Card>
  );
}
