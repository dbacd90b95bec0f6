import { afterEach, describe, expect, test, vi } from 'vitest';
import { askInstant, findMistake, findValues, mistakeIn, queryRange } from './promql';

const answer = (body: unknown, status = 200) => {
  const fetch = vi.fn(async (_url: string, _init?: RequestInit) => new Response(JSON.stringify(body), { status }));
  vi.stubGlobal('fetch', fetch);
  return fetch;
};
afterEach(() => vi.unstubAllGlobals());

const matrix = (result: unknown[], more = {}) => ({
  status: 'success',
  data: { resultType: 'matrix', result },
  ...more,
});

describe('a range query', () => {
  test('reads numbers; what cannot be drawn is null; equal times are one list', async () => {
    answer(
      matrix([
        {
          metric: { a: '1' },
          values: [
            [10, '1.5'],
            [20, 'NaN'],
            [30, '+Inf'],
          ],
        },
        {
          metric: { a: '2' },
          values: [
            [10, '4'],
            [20, '5'],
            [30, '-6e3'],
          ],
        },
      ]),
    );
    const { series, truncated } = await queryRange('x', 10, 30, 10);
    expect(series.map((s) => s.values)).toEqual([
      [1.5, null, null],
      [4, 5, -6000],
    ]);
    expect(series[0]?.times).toBe(series[1]?.times);
    expect(truncated).toBe(false);
  });

  test('says that there was more than the limit, which is no warning of the query', async () => {
    const fetch = answer(matrix([], { warnings: ['results truncated due to limit'], infos: ['PromQL info: odd'] }));
    const r = await queryRange('x', 0, 10, 10, undefined, 7);
    expect(r).toMatchObject({ truncated: true, warnings: ['PromQL info: odd'] });
    expect(String(fetch.mock.calls[0]?.[1]?.body)).toContain('limit=7');
  });

  test('tells of native histograms instead of drawing them', async () => {
    answer(matrix([{ metric: {}, histograms: [[10, {}]] }]));
    const { series, warnings } = await queryRange('x', 0, 10, 10);
    expect(series).toEqual([]);
    expect(warnings[0]).toContain('histogram_quantile');
  });
});

describe('an instant query', () => {
  test('reads scalars and strings as one sample, of ranges the newest value', async () => {
    answer({ status: 'success', data: { resultType: 'scalar', result: [1, '2'] } });
    expect((await askInstant('2')).samples).toEqual([{ metric: {}, value: [1, '2'] }]);
    answer(
      matrix([
        {
          metric: { a: 'b' },
          values: [
            [1, '1'],
            [2, '3'],
          ],
        },
      ]),
    );
    expect((await askInstant('x[5m]')).samples).toEqual([{ metric: { a: 'b' }, value: [2, '3'] }]);
  });
});

describe('a mistake', () => {
  test('is where the collector says, counted in bytes from 1', () => {
    const query = 'a +\nsum("ä") by (';
    const m = mistakeIn(query, 'invalid parameter "query": 2:6: parse error: no good');
    expect(m.message).toBe('no good');
    expect(query.slice(m.from, m.to)).toBe('ä');
    expect(query.slice(mistakeIn(query, '1:1: parse error: x').from)).toBe(query);
    // The ä is two bytes: what comes behind it is one column further.
    expect(mistakeIn(query, '2:8: parse error: x').from).toBe(query.indexOf('ä') + 1);
  });

  test('marks the word it begins at, and the last letter at the end', () => {
    expect(mistakeIn('rate(foo_total)', '1:6: parse error: x')).toEqual({ from: 5, to: 14, message: 'x' });
    expect(mistakeIn('rate(', '1:6: parse error: unclosed')).toEqual({ from: 4, to: 5, message: 'unclosed' });
  });

  test('without a place means all', () => {
    expect(mistakeIn('abc', 'too much')).toEqual({ from: 0, to: 3, message: 'too much' });
  });

  test('is found without running the query', async () => {
    answer({ status: 'error', errorType: 'bad_data', error: 'invalid parameter "query": 1:1: parse error: no' }, 400);
    expect(await findMistake('?')).toEqual({ from: 0, to: 1, message: 'no' });
    answer({ status: 'success', data: {} });
    expect(await findMistake('up')).toBeUndefined();
  });
});

test('values of a label are bounded', async () => {
  const fetch = answer({ status: 'success', data: ['a'], warnings: ['results truncated due to limit'] });
  expect(await findValues('in/st', 'up', { from: 3700, to: 7300 })).toEqual({ values: ['a'], truncated: true });
  expect(fetch.mock.calls[0]?.[0]).toBe(
    '/prometheus/api/v1/label/in%2Fst/values?match%5B%5D=up&start=3600&end=10800&limit=1000',
  );
});
