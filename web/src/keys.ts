import { useEffect } from 'react';
import { useLocation } from 'wouter';
import { href, stickyParams, withParams } from './lib/url';
import { openPalette } from './palette';
import { routes } from './routes';

/** Keys that work on every page, for the help. */
export const keys: [keys: string[], does: string][] = [
  [['Ctrl K'], 'search pages, hosts and metrics'],
  [['/'], 'to the search of the page'],
  [['?'], 'this list'],
  [['p'], 'pause live updates, go on'],
  ...routes.flatMap((r): [string[], string][] => (r.key && r.title ? [[['g', r.key], `to ${r.title}`]] : [])),
  [['↑', '↓', 'Enter'], 'walk a table, open a row'],
  [['m'], 'find a metric (Explore)'],
  [['n'], 'another query (Explore)'],
  [['t'], 'chart or table (Explore)'],
  [['Esc'], 'close what is open, leave an editor'],
];

const typing = (e: KeyboardEvent) => {
  const t = e.target as HTMLElement | null;
  return Boolean(t?.closest('input, textarea, select, [contenteditable="true"], .cm-editor'));
};

/** Listens to the keys above. */
export function useKeys({ help }: { help: () => void }) {
  const [, navigate] = useLocation();
  useEffect(() => {
    let afterG = 0;
    const press = (e: KeyboardEvent) => {
      if (e.defaultPrevented || typing(e) || e.ctrlKey || e.metaKey || e.altKey) return;
      const search = window.location.search.replace(/^\?/, '');
      const went = Date.now() - afterG < 1500 ? routes.find((r) => r.key === e.key) : undefined;
      afterG = 0;
      if (went) navigate(href(went.path, stickyParams(search)));
      else if (e.key === 'g') {
        afterG = Date.now();
        return;
      } else if (e.key === '?') help();
      else if (e.key === 'p') {
        const off = new URLSearchParams(search).get('live') === 'off';
        navigate(href(window.location.pathname, withParams(search, { live: off ? undefined : 'off' })), {
          replace: true,
        });
      } else if (e.key === '/') {
        const input = document.querySelector<HTMLElement>('main [data-search], main .cm-content');
        if (input) input.focus();
        else openPalette();
      } else return;
      e.preventDefault();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [navigate, help]);
}
