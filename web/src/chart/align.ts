import type { Series } from '../metric/promql';

/** Brings series onto common times, ascending; what a series does not have at a time is null. */
export function align(series: Series[]): { times: number[]; values: (number | null)[][] } {
  const first = series[0];
  if (!first) return { times: [], values: [] };
  if (
    series.every(
      (s) =>
        s.times.length === first.times.length && s.times[0] === first.times[0] && s.times.at(-1) === first.times.at(-1),
    )
  ) {
    return { times: first.times, values: series.map((s) => s.values) };
  }
  const times = [...new Set(series.flatMap((s) => s.times))].sort((a, b) => a - b);
  const at = new Map(times.map((t, i) => [t, i]));
  const values = series.map((s) => {
    const out = new Array<number | null>(times.length).fill(null);
    for (let i = 0; i < s.times.length; i++) out[at.get(s.times[i] as number) as number] = s.values[i] ?? null;
    return out;
  });
  return { times, values };
}

/** Puts a null into each gap longer than one and a half steps, so that a silent hour is a gap and not a straight line. */
export function withGaps(
  times: number[],
  values: (number | null)[][],
  step: number,
): { times: number[]; values: (number | null)[][] } {
  const gaps: number[] = [];
  for (let i = 1; i < times.length; i++) if ((times[i] as number) - (times[i - 1] as number) > step * 1.5) gaps.push(i);
  if (gaps.length === 0) return { times, values };
  const holes = new Set(gaps);
  const spread = <T>(list: T[], hole: (i: number) => T) => list.flatMap((v, i) => (holes.has(i) ? [hole(i), v] : [v]));
  return {
    times: spread(times, (i) => (times[i - 1] as number) + step),
    values: values.map((v) => spread<number | null>(v, () => null)),
  };
}
