import { useEffect, useRef } from 'react';
import { Link } from 'wouter';
import classes from './TabLinks.module.css';

export type TabLink = { name: string; title: string; href: string };

/** The parts of a page, each with an address of its own. */
export function TabLinks({ label, tabs, current }: { label: string; tabs: TabLink[]; current: string }) {
  const nav = useRef<HTMLElement>(null);
  // On small screens the part that is shown can lie outside the strip.
  // biome-ignore lint/correctness/useExhaustiveDependencies: when another part is shown
  useEffect(() => {
    const here = nav.current?.querySelector<HTMLElement>('[aria-current]');
    if (nav.current && here) nav.current.scrollLeft = here.offsetLeft - nav.current.offsetLeft - 40;
  }, [current]);
  return (
    <nav ref={nav} aria-label={label} className={classes.tabs}>
      {tabs.map((t) => (
        <Link key={t.name} href={t.href} aria-current={t.name === current ? 'page' : undefined} className={classes.tab}>
          {t.title}
        </Link>
      ))}
    </nav>
  );
}
