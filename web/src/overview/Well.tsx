import { Group, Text } from '@mantine/core';
import { CircleCheck } from 'lucide-react';
import type { ReactNode } from 'react';

/** Says that there is no trouble of a kind. */
export function Well({ children }: { children: ReactNode }) {
  return (
    <Group gap={8} wrap="nowrap" mih={26}>
      <CircleCheck size={15} color="light-dark(#0b6b62, #4fb0a5)" aria-hidden style={{ flex: 'none' }} />
      <Text size="sm">{children}</Text>
    </Group>
  );
}
