import { Anchor, Card, Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';

type Props = { title: string; more?: { href: string; words: string }; children: ReactNode };

/** One subject of the overview, with the way to all of it. */
export function Section({ title, more, children }: Props) {
  return (
    <Card withBorder padding="sm" component="section" aria-label={title}>
      <Group justify="space-between" wrap="nowrap" mb={6}>
        <Text component="h2" fw={600} size="sm" m={0}>
          {title}
        </Text>
        {more && (
          <Anchor component={Link} href={more.href} size="xs" style={{ whiteSpace: 'nowrap' }}>
            {more.words}
          </Anchor>
        )}
      </Group>
      {children}
    </Card>
  );
}
