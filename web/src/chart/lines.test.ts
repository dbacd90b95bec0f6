import { describe, expect, test } from 'vitest';
import { factsOf, nextHidden, sortLines } from './Legend';
import { toLines } from './lines';
import { nearest } from './tip';

const series = (labels: Record<string, string>, ...values: number[]) => ({
  metric: labels,
  times: values.map((_, i) => i * 10),
  values,
});
const result = (...all: ReturnType<typeof series>[]) => ({ series: all, warnings: [], step: 10 });

describe('toLines', () => {
  test('names lines by their labels without the job, by a word, or by a function', () => {
    const r = result(series({ __name__: 'up', instance: 'a', job: 'node' }, 1));
    const name = (s: object) => toLines([r], [{ query: 'up', ...s }]).lines[0]?.label;
    expect(name({})).toBe('up{instance="a"}');
    expect(name({ name: 'Up' })).toBe('Up');
    expect(name({ name: (m: Record<string, string>) => `at ${m.instance}` })).toBe('at a');
  });

  test('gives lines of the same name numbers', () => {
    const r = result(series({ i: 'a' }, 1), series({ i: 'b' }, 2));
    expect(toLines([r], [{ query: 'x', name: 'x' }]).lines.map((l) => l.label)).toEqual(['x', 'x (2)']);
  });

  test('of too many the biggest are kept in their order, and the others are counted', () => {
    const r = result(series({ n: '1' }, 5), series({ n: '2' }, 1), series({ n: '3' }, -9), series({ n: '4' }, 2));
    const { lines, cut } = toLines([r], [{ query: 'x' }], 2);
    expect(lines.map((l) => l.label)).toEqual(['{n="1"}', '{n="3"}']);
    expect(cut).toBe(2);
  });

  test('a query that has no answer yet leaves the others', () => {
    const { lines } = toLines([undefined, result(series({ a: 'b' }, 1, 2))], [{ query: 'x' }, { query: 'y' }]);
    expect(lines).toEqual([{ label: '{a="b"}', values: [1, 2] }]);
  });
});

describe('the legend', () => {
  const lines = ['a', 'b', 'c'].map((label) => ({ label }));
  const none: ReadonlySet<string> = new Set();

  test('a click shows a line alone, another one all again', () => {
    const alone = nextHidden(none, lines, 'b', false);
    expect([...alone]).toEqual(['a', 'c']);
    expect(nextHidden(alone, lines, 'b', false).size).toBe(0);
    expect([...nextHidden(alone, lines, 'a', false)]).toEqual(['b', 'c']);
  });

  test('with ctrl one line less, or more; hiding the last shows all', () => {
    const without = nextHidden(none, lines, 'b', true);
    expect([...without]).toEqual(['b']);
    expect(nextHidden(without, lines, 'b', true).size).toBe(0);
    expect(nextHidden(new Set(['a', 'b']), lines, 'c', true).size).toBe(0);
  });

  test('says the newest, the lowest, the mean and the highest value, and sorts by them', () => {
    const a = factsOf([1, null, 3, 8, null]);
    expect(a).toEqual({ newest: 8, lowest: 1, mean: 4, highest: 8 });
    const nothing = factsOf([null]);
    expect(nothing).toEqual({ newest: null, lowest: null, mean: null, highest: null });
    const facts = [nothing, a, factsOf([20, 2])];
    expect(sortLines(facts, 'highest')).toEqual([2, 1, 0]);
    expect(sortLines(facts, 'newest')).toEqual([1, 2, 0]);
    expect(sortLines(facts, '')).toEqual([0, 1, 2]);
  });
});

describe('the values at the pointer', () => {
  const lines = Array.from({ length: 50 }, (_, i) => ({ label: `${i}`, values: [i] }));
  const reading = { index: 0, lines, hidden: new Set(['20']), scheme: 'light' as const, most: 5 };

  test('are those of the nearest lines, the highest first, the very nearest marked', () => {
    const { lines: shown, more } = nearest(reading, (i) => Math.abs(i - 20.6) * 10);
    expect(shown.map((l) => l.label)).toEqual(['23', '22', '21', '19', '18']);
    expect(shown.filter((l) => l.meant).map((l) => l.label)).toEqual(['21']);
    expect(more).toBe(44);
  });

  test('mark nothing when the pointer is far from all', () => {
    expect(nearest(reading, () => 100).lines.some((l) => l.meant)).toBe(false);
  });
});
