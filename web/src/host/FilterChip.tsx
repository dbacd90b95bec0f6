import type { ReactNode } from 'react';
import classes from './FilterChip.module.css';

type Props = { count: number; on: boolean; onClick: () => void; title?: string; children: ReactNode };

/** A filter that can be on or off, with how many it leaves. */
export function FilterChip({ count, on, onClick, title, children }: Props) {
  return (
    <button type="button" className={classes.chip} aria-pressed={on} onClick={onClick} title={title}>
      <span className={classes.words}>{children}</span>
      <span className={classes.count}>{count}</span>
    </button>
  );
}
