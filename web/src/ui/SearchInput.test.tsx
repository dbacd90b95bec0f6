import { MantineProvider } from '@mantine/core';
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { useUrlParams } from '../lib/url';
import { SearchInput } from './SearchInput';

beforeEach(() => {
  vi.useFakeTimers();
  window.history.replaceState(null, '', '/hosts?state=up');
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function Page() {
  const [params, change] = useUrlParams();
  return (
    <>
      <SearchInput label="Search hosts" />
      <button type="button" onClick={() => change({ search: undefined, state: undefined })}>
        {params.get('search') ?? 'all'}
      </button>
    </>
  );
}

function show() {
  render(
    <MantineProvider>
      <Page />
    </MantineProvider>,
  );
  const input = screen.getByLabelText<HTMLInputElement>('Search hosts');
  const type = (value: string) => fireEvent.change(input, { target: { value } });
  const wait = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
  return { input, type, wait, button: screen.getByRole('button') };
}

test('the address follows once the typing pauses, and keeps what else it holds', async () => {
  const { type, wait, button } = show();
  for (const text of ['w', 'we', 'web']) {
    type(text);
    await wait(150);
  }
  expect(button.textContent).toBe('all');
  await wait(100);
  expect(button.textContent).toBe('web');
  expect(window.location.search).toBe('?state=up&search=web');
});

test('what is typed while the address follows is not lost', async () => {
  const { input, type, wait, button } = show();
  type('we');
  act(() => {
    vi.advanceTimersByTime(200);
    // The page has not been drawn with the new address yet.
    fireEvent.change(input, { target: { value: 'web' } });
  });
  expect(input.value).toBe('web');
  await wait(250);
  expect(button.textContent).toBe('web');
});

test('what a link or a button says wins over what was typed', async () => {
  const { input, type, wait, button } = show();
  type('web');
  await wait(250);
  type('web-1');
  act(() => button.click());
  await wait(500);
  expect(input.value).toBe('');
  expect(window.location.search).toBe('');
});
