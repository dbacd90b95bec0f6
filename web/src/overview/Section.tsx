import type { ReactNode } from 'react';
import { Link } from 'wouter';
import plain from '../ui/plain.module.css';
import classes from './OverviewPage.module.css';

type Props = { title: string; more?: { href: string; words: string }; children: ReactNode };

/** One subject of the overview, with the way to all of it. */
export function Section({ title, more, children }: Props) {
  return (
    <section aria-label={title} className={classes.section}>
      <div className={classes.sectionHead}>
        <h2>{title}</h2>
        {more && (
          <Link href={more.href} className={`${plain.link} ${plain.small}`}>
            {more.words}
          </Link>
        )}
      </div>
      {children}
    </section>
  );
}
