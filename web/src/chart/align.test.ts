import { describe, expect, test } from 'vitest';
import { align, withGaps } from './align';

describe('align', () => {
  test('series with the same times keep their lists', () => {
    const a = { times: [10, 20, 30], values: [1, 2, 3] };
    const b = { times: [10, 20, 30], values: [4, null, 6] };
    const { times, values } = align([a, b]);
    expect(times).toEqual([10, 20, 30]);
    expect(values[0]).toBe(a.values);
    expect(values[1]).toBe(b.values);
  });

  test('a series that began later, and one that ended earlier, are null where they are not', () => {
    const { times, values } = align([
      { times: [10, 20, 30], values: [1, 2, 3] },
      { times: [30, 40], values: [4, 5] },
    ]);
    expect(times).toEqual([10, 20, 30, 40]);
    expect(values).toEqual([
      [1, 2, 3, null],
      [null, null, 4, 5],
    ]);
  });

  test('as many times between the same ends need not be the same times', () => {
    const { times, values } = align([
      { times: [10, 20, 40], values: [1, 2, 4] },
      { times: [10, 30, 40], values: [5, 6, 7] },
    ]);
    expect(times).toEqual([10, 20, 30, 40]);
    expect(values).toEqual([
      [1, 2, null, 4],
      [5, null, 6, 7],
    ]);
  });

  test('nothing is nothing', () => {
    expect(align([])).toEqual({ times: [], values: [] });
    expect(align([{ times: [], values: [] }])).toEqual({ times: [], values: [[]] });
  });
});

describe('withGaps', () => {
  test('without gaps nothing is copied', () => {
    const times = [10, 20, 30];
    const values = [[1, 2, 3]];
    expect(withGaps(times, values, 10)).toEqual({ times, values });
    expect(withGaps(times, values, 10).times).toBe(times);
  });

  test('a silent hour is a gap of one null, one step after the last value', () => {
    const { times, values } = withGaps([10, 20, 3620, 3630, 7300], [[1, 2, 3, 4, 5]], 10);
    expect(times).toEqual([10, 20, 30, 3620, 3630, 3640, 7300]);
    expect(values).toEqual([[1, 2, null, 3, 4, null, 5]]);
  });

  test('a single late value is no gap', () => {
    expect(withGaps([0, 10, 25], [[1, 2, 3]], 10).times).toEqual([0, 10, 25]);
  });
});
