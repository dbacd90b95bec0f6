import { Link } from 'wouter';
import classes from './TabLinks.module.css';

export type TabLink = { name: string; title: string; href: string };

/** The parts of a page, each with an address of its own. */
export function TabLinks({ label, tabs, current }: { label: string; tabs: TabLink[]; current: string }) {
  return (
    <nav aria-label={label} className={classes.tabs}>
      {tabs.map((t) => (
        <Link key={t.name} href={t.href} aria-current={t.name === current ? 'page' : undefined} className={classes.tab}>
          {t.title}
        </Link>
      ))}
    </nav>
  );
}
