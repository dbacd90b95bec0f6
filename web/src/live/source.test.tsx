import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, render, screen } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LiveContext, useLive, useLiveSamples, useLiveSource, useSpan } from './live';

let open: { url: string; close: () => void; closed: boolean }[];

beforeEach(() => {
  open = [];
  vi.useFakeTimers({ now: 1_795_406_400_000 });
  vi.stubGlobal(
    'EventSource',
    class {
      closed = false;
      constructor(readonly url: string) {
        open.push(this);
      }
      addEventListener() {}
      close() {
        this.closed = true;
      }
    },
  );
  window.history.replaceState(null, '', '/hosts/web-1?range=15m');
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function look(state: 'visible' | 'hidden') {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state);
  act(() => void document.dispatchEvent(new Event('visibilitychange')));
}

function App({ signedIn, children }: { signedIn: boolean; children?: ReactNode }) {
  return <LiveContext value={useLiveSource(signedIn)}>{children}</LiveContext>;
}

function Clock() {
  const { paused, setPaused } = useLive();
  const span = useSpan();
  useLiveSamples('web-1');
  return (
    <button type="button" onClick={() => setPaused(!paused)}>
      {paused ? 'paused' : 'live'} {span.from} {span.to}
    </button>
  );
}

function show(signedIn: boolean) {
  const client = new QueryClient();
  const tree = (on: boolean) => (
    <QueryClientProvider client={client}>
      <App signedIn={on}>
        <Clock />
      </App>
    </QueryClientProvider>
  );
  const { rerender } = render(tree(signedIn));
  return (on: boolean) => rerender(tree(on));
}

const still = () => open.filter((s) => !s.closed);

test('a stranger is connected once signed in', () => {
  look('visible');
  const again = show(false);
  act(() => void vi.advanceTimersByTime(1000));
  expect(open).toHaveLength(0);
  again(true);
  expect(still()).toHaveLength(1);
  again(false);
  expect(still()).toHaveLength(0);
});

test('a hidden tab needs no connection, and gets one when it is seen', () => {
  look('hidden');
  show(true);
  act(() => void vi.advanceTimersByTime(1000));
  expect(open).toHaveLength(0);
  look('visible');
  expect(still()).toHaveLength(1);
  look('hidden');
  expect(still()).toHaveLength(0);
});

test('the page moves with the time until it is paused, and jumps to now when it goes on', () => {
  look('visible');
  show(true);
  const button = screen.getByRole('button');
  const now = 1_795_406_400;
  expect(button.textContent).toBe(`live ${now - 900} ${now}`);
  act(() => void vi.advanceTimersByTime(10_000));
  expect(button.textContent).toBe(`live ${now - 890} ${now + 10}`);
  act(() => button.click());
  expect(window.location.search).toBe('?range=15m&live=off');
  expect(still()).toHaveLength(0);
  act(() => void vi.advanceTimersByTime(60_000));
  expect(button.textContent).toBe(`paused ${now - 890} ${now + 10}`);
  act(() => button.click());
  expect(button.textContent).toBe(`live ${now - 830} ${now + 70}`);
  expect(still()).toHaveLength(1);
});

test('a page asks for the samples of its instance', () => {
  look('visible');
  show(true);
  act(() => void vi.advanceTimersByTime(300));
  expect(still().map((s) => new URL(s.url, 'http://x').searchParams.getAll('instance'))).toEqual([['web-1']]);
});
