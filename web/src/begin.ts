import type { QueryClient } from '@tanstack/react-query';
import { routeOf } from './routes';
import { meQuery } from './session/session';

/** Asks for what an address needs before anything is drawn: the page's part of the program, who is signed in, and what the page shows first. */
export function begin(client: QueryClient, path: string) {
  const page = routeOf(path);
  // What fails here fails again where the page asks for it, which says so.
  page?.load?.().catch(() => {});
  client
    .fetchQuery(meQuery(client))
    .then((me) => me && page?.first?.(client, decodeURIComponent(path.split('/')[2] ?? '')))
    .catch(() => {});
}
