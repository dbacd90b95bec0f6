import type { ReactNode } from 'react';
import { CircleCheck } from '../ui/icons';
import classes from './OverviewPage.module.css';

/** Says that there is no trouble of a kind. */
export function Well({ children }: { children: ReactNode }) {
  return (
    <div className={classes.well}>
      <CircleCheck size={15} color="light-dark(#0b6b62, #4fb0a5)" aria-hidden />
      {children}
    </div>
  );
}
