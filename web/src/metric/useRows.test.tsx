import { act, cleanup, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { useRows } from './useRows';

beforeEach(() => window.history.replaceState(null, '', '/explore?q=up&range=3h'));
afterEach(cleanup);

const search = () => new URLSearchParams(window.location.search);
const asked = () => search().getAll('q');

test('queries are typed, run, added, hidden, moved, duplicated and removed; the URL tells what runs', () => {
  const { result } = renderHook(() => useRows());
  const rows = () => result.current.rows;
  const id = (i: number) => rows()[i]?.id ?? -1;

  act(() => result.current.type(id(0), 'up == 0'));
  expect(rows()[0]).toMatchObject({ text: 'up == 0', query: 'up' });
  expect(asked()).toEqual(['up']);

  act(() => result.current.run(id(0)));
  expect(asked()).toEqual(['up == 0']);

  act(() => void result.current.add('node_load1'));
  act(() => result.current.type(id(1), 'node_load1 + '));
  act(() => result.current.move(id(1), -1));
  expect(asked()).toEqual(['node_load1', 'up == 0']);
  expect(rows()[0]?.text).toBe('node_load1 + ');

  act(() => result.current.toggle(id(1)));
  expect(search().get('hide')).toBe('1');
  act(() => result.current.duplicate(id(0)));
  expect(asked()).toEqual(['node_load1', 'node_load1 +', 'up == 0']);
  expect(search().get('hide')).toBe('2');

  act(() => result.current.remove(id(1)));
  act(() => result.current.remove(id(0)));
  act(() => result.current.remove(id(0)));
  expect(rows()).toHaveLength(1);
  expect(rows()[0]).toMatchObject({ text: '', query: '' });
  expect(asked()).toEqual([]);
  expect(search().get('range')).toBe('3h');
});

test('a query goes into the row that is empty', () => {
  window.history.replaceState(null, '', '/explore');
  const { result } = renderHook(() => useRows());
  const empty = result.current.rows[0]?.id;
  let made: number | undefined;
  act(() => {
    made = result.current.add('up');
  });
  expect(made).toBe(empty);
  act(() => {
    made = result.current.addEmpty();
  });
  expect(result.current.rows.map((r) => r.query)).toEqual(['up', '']);
  expect(made).toBe(result.current.rows[1]?.id);
  act(() => void result.current.add('node_load1'));
  expect(asked()).toEqual(['up', 'node_load1']);
});
