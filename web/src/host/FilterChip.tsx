import { Text, UnstyledButton } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './FilterChip.module.css';

type Props = { count: number; on: boolean; onClick: () => void; title?: string; children: ReactNode };

/** A filter that can be on or off, with how many it leaves. */
export function FilterChip({ count, on, onClick, title, children }: Props) {
  return (
    <UnstyledButton className={classes.chip} aria-pressed={on} onClick={onClick} title={title}>
      <Text span size="sm" className={classes.words}>
        {children}
      </Text>
      <Text span size="sm" fw={600} className={classes.count}>
        {count}
      </Text>
    </UnstyledButton>
  );
}
