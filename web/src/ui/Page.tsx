import { Box, Group, Text, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';

type Props = {
  title: string;
  /** The part of the page that is shown, for the window's title. */
  part?: string;
  subtitle?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
};

/** A page's frame: its title, which is the window's too, what can be done with all of it, and its content. */
export function Page({ title, part, subtitle, actions, children }: Props) {
  useEffect(() => {
    document.title = `${part ? `${part}, ` : ''}${title} · Picket`;
  }, [title, part]);
  return (
    <Box>
      <Group justify="space-between" align="flex-start" mb="md" gap="sm">
        <Box miw={0}>
          <Title order={1} size="h2" style={{ overflowWrap: 'anywhere' }}>
            {title}
          </Title>
          {subtitle && (
            <Text component="div" c="dimmed" size="sm">
              {subtitle}
            </Text>
          )}
        </Box>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Box>
  );
}
