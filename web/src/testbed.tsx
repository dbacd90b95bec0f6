import { MantineProvider } from '@mantine/core';
import { Notifications, notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, configure, render } from '@testing-library/react';
import type { ComponentType } from 'react';
import { vi } from 'vitest';
import { Route, Switch } from 'wouter';
import { Live, LiveContext } from './live/live';
import { theme } from './theme';

// Slow machines are no reason to fail.
configure({ asyncUtilTimeout: 10_000 });
vi.setConfig({ testTimeout: 40_000 });

export type Asked = { method: string; path: string; params: URLSearchParams; body: unknown };
type Answers = Record<string, (asked: Asked) => { status: number; body?: unknown } | object | undefined>;

/**
 * Shows pages at an address, in front of a collector that answers as `answers` says by "METHOD path" (GET when there is no
 * method), and keeps what was asked. An answer with a status is sent as it is, undefined is 204.
 */
export function showPages(address: string, pages: Record<string, ComponentType>, answers: Answers): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const { pathname, searchParams } = new URL(url, 'http://x');
    const a: Asked = {
      method: init.method ?? 'GET',
      path: pathname,
      params: searchParams,
      body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
    };
    asked.push(a);
    const answer = answers[`${a.method} ${a.path}`] ?? (a.method === 'GET' ? answers[a.path] : undefined);
    if (!answer)
      return Response.json({ error: { kind: 'not_found', message: `nothing at ${a.path}` } }, { status: 404 });
    const given = answer(a);
    if (given === undefined) return new Response(null, { status: 204 });
    if ('status' in given && typeof given.status === 'number')
      return Response.json((given as { body?: unknown }).body ?? null, { status: given.status });
    return Response.json(given);
  });
  // The virtual table asks how large it is, which this DOM does not know.
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(700);
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(1000);
  // Fonts that load change the height of text, which this DOM does not know either.
  Object.defineProperty(document, 'fonts', { value: new EventTarget(), configurable: true });
  window.history.replaceState(null, '', address);
  cleanup();
  notifications.clean();
  render(
    <MantineProvider theme={theme} env="test">
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
        <LiveContext value={new Live(() => {})}>
          <Notifications />
          <Switch>
            {Object.entries(pages).map(([path, Page]) => (
              <Route key={path} path={path}>
                <Page />
              </Route>
            ))}
          </Switch>
        </LiveContext>
      </QueryClientProvider>
    </MantineProvider>,
  );
  return asked;
}

/** Who is signed in, as the collector says. */
export const me = (...roles: string[]) => ({
  user_id: 'u1',
  name: 'olga',
  kind: 'user',
  roles,
  credential_id: 's1',
});
