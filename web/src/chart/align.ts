import type { Series } from '../metric/promql';

type Values = (number | null)[];

/** Brings series onto common times, ascending; what a series does not have at a time is null. */
export function align(series: Pick<Series, 'times' | 'values'>[]): { times: number[]; values: Values[] } {
  let times: number[] = series[0]?.times ?? [];
  for (const s of series) if (!same(times, s.times)) times = union(times, s.times);
  return { times, values: series.map((s) => (s.times.length === times.length ? s.values : spread(times, s))) };
}

function same(a: number[], b: number[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Merges two ascending lists of times. */
function union(a: number[], b: number[]): number[] {
  const out: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const x = i < a.length ? (a[i] as number) : Infinity;
    const y = j < b.length ? (b[j] as number) : Infinity;
    out.push(Math.min(x, y));
    if (x <= y) i++;
    if (y <= x) j++;
  }
  return out;
}

/** Puts a series' values at `times`, which hold all of its own. */
function spread(times: number[], s: Pick<Series, 'times' | 'values'>): Values {
  const out = new Array<number | null>(times.length);
  let j = 0;
  for (let i = 0; i < times.length; i++) out[i] = s.times[j] === times[i] ? (s.values[j++] ?? null) : null;
  return out;
}

/** Puts a null into each gap longer than one and a half steps, so that a silent hour is a gap and not a straight line. */
export function withGaps(times: number[], values: Values[], step: number): { times: number[]; values: Values[] } {
  const gaps: number[] = [];
  for (let i = 1; i < times.length; i++) if ((times[i] as number) - (times[i - 1] as number) > step * 1.5) gaps.push(i);
  if (gaps.length === 0) return { times, values };
  return {
    times: insert(times, gaps, (i) => (times[i - 1] as number) + step),
    values: values.map((v) => insert<number | null>(v, gaps, () => null)),
  };
}

/** Copies a list with one more item before each of the places, which ascend. */
function insert<T>(list: T[], places: number[], item: (i: number) => T): T[] {
  const out: T[] = [];
  let next = 0;
  for (let i = 0; i < list.length; i++) {
    if (places[next] === i) {
      out.push(item(i));
      next++;
    }
    out.push(list[i] as T);
  }
  return out;
}
