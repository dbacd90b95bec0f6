import { useCallback, useMemo } from 'react';
import { navigate, useSearch } from 'wouter/use-browser-location';

/** The query string as it stands in the address. The one of wouter's frame has been decoded once, which makes %252B a plus and a plus a space. */
export function useRawSearch(): string {
  return useSearch().replace(/^\?/, '');
}

/** Parameters that stay when the page changes: what the user looks at and how, not where. */
const sticky = ['range', 'from', 'to', 'tz', 'live'];

/** Returns `search` with changes applied; undefined and '' remove a parameter. */
export function withParams(search: string, changes: Record<string, string | string[] | undefined>): string {
  const params = new URLSearchParams(search);
  for (const [key, value] of Object.entries(changes)) {
    params.delete(key);
    if (Array.isArray(value)) for (const v of value) params.append(key, v);
    else if (value) params.set(key, value);
  }
  return params.toString();
}

/** Keeps of `search` what holds on every page. */
export function stickyParams(search: string): string {
  const params = new URLSearchParams(search);
  for (const key of [...params.keys()]) if (!sticky.includes(key)) params.delete(key);
  return params.toString();
}

export function href(path: string, search: string): string {
  return search ? `${path}?${search}` : path;
}

/** Changes some of the URL's parameters. Typing replaces the entry in the history, choosing pushes one. */
function change(changes: Record<string, string | string[] | undefined>, push = false) {
  // Not the search of a render: two changes in one event must both stand.
  const now = window.location.search.replace(/^\?/, '');
  const next = withParams(now, changes);
  if (next !== now) navigate(href(window.location.pathname, next), { replace: !push });
}

/** The URL's parameters and a way to change some of them. */
export function useUrlParams(): [URLSearchParams, typeof change] {
  const search = useRawSearch();
  const params = useMemo(() => new URLSearchParams(search), [search]);
  return [params, change];
}

/** One parameter of the URL as state; its default is not written. */
export function useUrlState(key: string, initial = ''): [string, (value: string) => void] {
  const [params, change] = useUrlParams();
  const set = useCallback(
    (value: string) => change({ [key]: value === initial ? undefined : value }),
    [change, key, initial],
  );
  return [params.get(key) ?? initial, set];
}

/** Makes links that keep the range, the time zone and whether live updates are on. */
export function useHref(): (path: string, params?: Record<string, string | string[] | undefined>) => string {
  const search = useRawSearch();
  return useCallback((path, params = {}) => href(path, withParams(stickyParams(search), params)), [search]);
}
