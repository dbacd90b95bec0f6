import { describe, expect, test } from 'vitest';
import { alone, logRange, logSplits, plotData, range, ticks } from './plot';

const none: ReadonlySet<string> = new Set();
const lines = [
  { label: 'a', values: [1, 2, null] },
  { label: 'b', values: [10, null, 30] },
  { label: 'c', values: [100, 100, 100] },
];

describe('plotData', () => {
  test('lines that are not stacked are drawn as they are, without a copy', () => {
    const data = plotData([1, 2, 3], lines, false, none);
    expect(data[1]).toBe(lines[0]?.values);
    expect(data).toHaveLength(4);
  });

  test('stacked lines reach to the sum of what is below; a gap adds nothing and stays a gap', () => {
    expect(plotData([1, 2, 3], lines, true, none)).toEqual([
      [1, 2, 3],
      [1, 2, null],
      [11, null, 30],
      [111, 102, 130],
    ]);
  });

  test('a hidden line is not in the stack', () => {
    expect(plotData([1, 2, 3], lines, true, new Set(['b']))).toEqual([
      [1, 2, 3],
      [1, 2, null],
      [null, null, null],
      [101, 102, 100],
    ]);
  });

  test('ten lines of a day at 10 s are stacked to the last point', () => {
    const times = Array.from({ length: 8640 }, (_, i) => i * 10);
    const ten = Array.from({ length: 10 }, (_, n) => ({ label: `${n}`, values: times.map((t) => t * n) }));
    const data = plotData(times, ten, true, none);
    expect(data[10]?.[8639]).toBe(86_390 * 45);
  });
});

test('values with none beside them are drawn as dots', () => {
  expect(alone([1, null, 2, 3, null, 4])).toEqual([0, 5]);
  expect(alone([1, 2, 3])).toEqual([]);
});

describe('the value axis', () => {
  const of = (min: number | null, max: number | null, more = {}) =>
    range(min, max, { unit: 'none', bounds: {}, ...more });

  test('begins at zero and leaves a little room', () => {
    expect(of(40, 100)).toEqual([0, 106]);
    expect(of(null, null)).toEqual([0, 1.06]);
  });

  test('goes below zero for negative values', () => {
    const [lo, hi] = of(-10, 10);
    expect(lo).toBeLessThan(-10);
    expect(hi).toBeGreaterThan(10);
  });

  test('shows a ratio up to 100 %, unless it is small or above', () => {
    expect(of(0.1, 0.8, { unit: 'ratio' })).toEqual([0, 1]);
    expect(of(0.01, 0.02, { unit: 'ratio' })[1]).toBeCloseTo(0.0212);
    expect(of(0.1, 1.5, { unit: 'ratio' })[1]).toBeGreaterThan(1.5);
  });

  test('fits the values when asked, also when they are all the same', () => {
    const [lo, hi] = of(1000, 1010, { scale: 'fit' });
    expect(lo).toBeCloseTo(999.4);
    expect(hi).toBeCloseTo(1010.6);
    const [low, high] = of(5, 5, { scale: 'fit' });
    expect(low).toBeLessThan(5);
    expect(high).toBeGreaterThan(5);
  });

  test('keeps to bounds', () => {
    expect(of(3, 7, { bounds: { min: 2, max: 8 } })).toEqual([2, 8]);
  });

  test('is logarithmic from the power below', () => {
    expect(logRange(3, 4000, 10)).toEqual([1, 4600]);
    expect(logRange(null, null, 10)[0]).toBeGreaterThan(0);
    expect(logRange(0.001, 0.001, 10)[0]).toBe(0.001);
    expect(logRange(3, 1000, 2)[0]).toBe(2);
  });

  test('has logarithmic ticks at powers, not too many', () => {
    expect(logSplits(1, 4600, 10)).toEqual([1, 10, 100, 1000]);
    expect(logSplits(1, 60, 10)).toEqual([1, 2, 5, 10, 20, 50]);
    expect(logSplits(1, 2 ** 40, 2).length).toBeLessThanOrEqual(8);
    expect(logSplits(1e-9, 1e9, 10).length).toBeLessThanOrEqual(8);
  });

  test('writes ticks so that they can be told apart', () => {
    expect(ticks([0, 50, 100], 'none')).toEqual(['0', '50', '100']);
    expect(ticks([1000.5, 1001, 1001.5], 'none')).toEqual(['1.0005 k', '1.001 k', '1.0015 k']);
    expect(ticks([0.123, 0.12325], 'ratio')).toEqual(['12.3 %', '12.325 %']);
    expect(ticks([0, 200, 400], 'seconds')).toEqual(['0 s', '3.33 min', '6.67 min']);
    expect(ticks([5], 'none')).toEqual(['5']);
    expect(ticks([], 'none')).toEqual([]);
  });
});
