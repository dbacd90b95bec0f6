import { act, renderHook } from '@testing-library/react';
import { beforeEach, describe, expect, test } from 'vitest';
import { href, stickyParams, useHref, useRawSearch, useUrlParams, useUrlState, withParams } from './url';

beforeEach(() => window.history.replaceState(null, '', '/hosts'));

test('changes of a query string leave the rest as it is', () => {
  expect(withParams('range=1h&q=up', { q: 'down', page: '2' })).toBe('range=1h&q=down&page=2');
  expect(withParams('a=1&b=2', { a: undefined, b: '' })).toBe('');
  expect(withParams('q=a&q=b&x=1', { q: ['c', 'd'] })).toBe('x=1&q=c&q=d');
});

test('what holds on every page goes along, the rest stays behind', () => {
  expect(stickyParams('range=1h&search=web&tz=UTC&live=off&sort=-cpu')).toBe('range=1h&tz=UTC&live=off');
  expect(href('/hosts', '')).toBe('/hosts');
  expect(href('/hosts', 'a=1')).toBe('/hosts?a=1');
});

describe('in the address', () => {
  test('two changes in one event both stand', () => {
    const { result } = renderHook(() => useUrlParams());
    act(() => {
      result.current[1]({ a: '1' });
      result.current[1]({ b: '2' });
    });
    expect(window.location.search).toBe('?a=1&b=2');
    expect(result.current[0].get('b')).toBe('2');
  });

  test('choosing makes an entry in the history, typing none, and no change none', () => {
    const { result } = renderHook(() => useUrlParams());
    const before = window.history.length;
    act(() => result.current[1]({ search: 'w' }));
    act(() => result.current[1]({ search: 'we' }));
    expect(window.history.length).toBe(before);
    act(() => result.current[1]({ state: 'down' }, true));
    expect(window.history.length).toBe(before + 1);
    act(() => result.current[1]({ state: 'down' }, true));
    expect(window.history.length).toBe(before + 1);
  });

  test('a plus in a query stays a plus', () => {
    const query = 'node_load1 + 1';
    window.history.replaceState(null, '', href('/explore', withParams('', { q: query, next: '/explore?q=a%2Bb' })));
    const { result } = renderHook(() => [useRawSearch(), useUrlParams()[0].get('q'), useUrlParams()[0].get('next')]);
    expect(result.current).toEqual(['q=node_load1+%2B+1&next=%2Fexplore%3Fq%3Da%252Bb', query, '/explore?q=a%2Bb']);
  });

  test('a default is not written', () => {
    const { result } = renderHook(() => useUrlState('sort', 'instance'));
    expect(result.current[0]).toBe('instance');
    act(() => result.current[1]('-cpu'));
    expect(window.location.search).toBe('?sort=-cpu');
    act(() => result.current[1]('instance'));
    expect(window.location.search).toBe('');
  });

  test('links keep range, zone and whether it is live', () => {
    window.history.replaceState(null, '', '/hosts?range=3h&search=web');
    const { result } = renderHook(() => useHref());
    expect(result.current('/fleet', { state: 'down' })).toBe('/fleet?range=3h&state=down');
  });
});
