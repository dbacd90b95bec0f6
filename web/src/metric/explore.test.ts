import { describe, expect, test } from 'vitest';
import {
  commonLabels,
  csv,
  curlOf,
  letter,
  mostPoints,
  mostValues,
  newRow,
  permanentLink,
  planOf,
  readRows,
  reconcile,
  rowParams,
} from './explore';

const url = (text: string) => new URLSearchParams(text);

describe('the queries of the URL', () => {
  test('are read and written', () => {
    const rows = readRows(url('q=up&q=node_load1&q=&hide=1'));
    expect(rows).toEqual([
      { query: 'up', hidden: false },
      { query: 'node_load1', hidden: true },
      { query: '', hidden: false },
    ]);
    expect(rowParams(rows)).toEqual({ q: ['up', 'node_load1', ''], hide: '1' });
  });

  test('without any there is an empty one, which is not written', () => {
    expect(readRows(url(''))).toEqual([{ query: '', hidden: false }]);
    expect(rowParams(readRows(url('')))).toEqual({ q: [], hide: '' });
  });

  test('what is being typed survives that another query changes, moves or goes', () => {
    const [a, b] = [newRow('up'), { ...newRow('node_load1'), text: 'node_load1 + ' }];
    const moved = reconcile([a, b], readRows(url('q=node_load1&q=up')));
    expect(moved.map((r) => [r.id, r.text])).toEqual([
      [b.id, 'node_load1 + '],
      [a.id, 'up'],
    ]);
    expect(reconcile([a, b], readRows(url('q=node_load1')))).toEqual([b]);
  });

  test('going back brings the former text', () => {
    const row = newRow('rate(x[5m])');
    const [before] = reconcile([row], readRows(url('q=x')));
    expect(before).toEqual({ id: row.id, query: 'x', text: 'x', hidden: false });
  });

  test('nothing new is the same list', () => {
    const rows = [newRow('up')];
    expect(reconcile(rows, readRows(url('q=up')))).toBe(rows);
  });

  test('have letters', () => {
    expect([0, 25, 26].map(letter)).toEqual(['A', 'Z', 'A1']);
  });
});

describe('a plan', () => {
  const day = { from: 1_000_003, to: 1_000_003 + 86_400 };

  test('has about 360 points at ends that are multiples of the step', () => {
    const p = planOf(day, '');
    expect(p.step).toBe(300);
    expect(p.from % 300).toBe(0);
    expect(p.points).toBe(289);
    expect(p.limit).toBeGreaterThan(1000);
  });

  test('keeps to the resolution that was chosen: ten series of a day at 10 s', () => {
    const p = planOf(day, '10s');
    expect(p).toMatchObject({ step: 10, coarser: false });
    expect(p.points).toBeGreaterThan(8600);
    expect(p.limit).toBeGreaterThanOrEqual(10);
    expect(p.limit * p.points).toBeLessThanOrEqual(mostValues);
  });

  test('takes a coarser one where the collector would refuse, and says so', () => {
    const p = planOf({ from: 0, to: 30 * 86_400 }, '10s');
    expect(p.points).toBeLessThanOrEqual(mostPoints);
    expect(p.coarser).toBe(true);
  });

  test('moves on seldom when it is fine: not for each point', () => {
    const a = planOf(day, '10s');
    const b = planOf({ from: day.from + 20, to: day.to + 20 }, '10s');
    expect(b).toEqual(a);
  });

  test('does not believe nonsense', () => {
    expect(planOf(day, 'soon').step).toBe(300);
  });
});

describe('labels that all series share', () => {
  const result = (...metrics: Record<string, string>[]) => ({
    series: metrics.map((metric) => ({ metric, times: [], values: [] })),
  });

  test('are found across queries', () => {
    const a = result({ __name__: 'up', job: 'node', instance: 'a' }, { __name__: 'up', job: 'node', instance: 'b' });
    expect(commonLabels([a])).toEqual({ __name__: 'up', job: 'node' });
    expect(commonLabels([a, result({ job: 'node', instance: 'a' })])).toEqual({ job: 'node' });
  });

  test('are none of a single series', () => {
    expect(commonLabels([result({ a: 'b' }), undefined])).toEqual({});
  });
});

test('a permanent link has fixed times and all that was chosen', () => {
  const at = new URL('http://picket:4600/explore?q=up&q=b&range=1h&stacked=1&live=off') as unknown as Location;
  const link = permanentLink(at, { from: 1_795_000_000, to: 1_795_003_600.4 }, 'UTC');
  const params = new URL(link).searchParams;
  expect(link.startsWith('http://picket:4600/explore?')).toBe(true);
  expect(params.getAll('q')).toEqual(['up', 'b']);
  expect([params.get('range'), params.get('stacked'), params.get('tz')]).toEqual([null, '1', 'UTC']);
  expect(Date.parse(params.get('to') ?? '') - Date.parse(params.get('from') ?? '')).toBe(3_600_000);
});

test('curl gets a query that the shell leaves alone', () => {
  const text = curlOf('https://picket', { query: `x{a="it's $HOME"}`, from: 0, to: 60, step: 10 });
  expect(text).toContain(`--data-urlencode 'query=x{a="it'\\''s $HOME"}'`);
  expect(text).toContain('-d start=0 -d end=60 -d step=10');
  expect(text).toContain('"Authorization: Bearer $PICKET_TOKEN"');
});

test('CSV quotes what must be, and runs nothing in a spreadsheet', () => {
  expect(
    csv([
      ['a', 'b"c', 'd,e'],
      [1, null, '-0.5'],
    ]),
  ).toBe('a,"b""c","d,e"\r\n1,,-0.5');
  expect(csv([['=cmd()', '-x', '@y', '+1']])).toBe("'=cmd(),'-x,'@y,'+1");
});
