import { type Labels, type RangeResult, type Series, seriesName } from '../metric/promql';
import { align, withGaps } from './align';
import type { Line } from './plot';

/** One query of a chart: `name` labels its series, from their labels or as a fixed word. The chart does not wait for one that comes `later`. */
export type Source = { query: string; name?: string | ((labels: Labels) => string); later?: boolean };

/** Draws the results of queries as lines. Of more than `most` series the biggest are kept, in their order. */
export function toLines(
  results: (RangeResult | undefined)[],
  sources: Source[],
  most = 60,
): { times: number[]; lines: Line[]; cut: number } {
  const series = results.flatMap((r, i) =>
    (r?.series ?? []).map((s) => ({ ...s, label: nameOf(sources[i], s.metric) })),
  );
  const kept = biggest(series, most);
  const { times, values } = align(kept);
  const step = Math.max(0, ...results.map((r) => r?.step ?? 0));
  const gapped = withGaps(times, values, step || 10);
  const used = new Map<string, number>();
  const lines = kept.map((s, i) => {
    const n = (used.get(s.label) ?? 0) + 1;
    used.set(s.label, n);
    return { label: n > 1 ? `${s.label} (${n})` : s.label, values: gapped.values[i] ?? [] };
  });
  return { times: gapped.times, lines, cut: series.length - kept.length };
}

/** Puts the lines with these names first, in this order: the same at the same place, whatever there is beside it. */
export function inOrder(lines: Line[], order: readonly string[]): Line[] {
  const place = (l: Line) => {
    const at = order.indexOf(l.label);
    return at < 0 ? order.length : at;
  };
  return [...lines].sort((a, b) => place(a) - place(b));
}

function nameOf(source: Source | undefined, metric: Labels): string {
  if (typeof source?.name === 'function') return source.name(metric);
  return source?.name ?? seriesName(metric, ['job']);
}

/** The series that reach highest, by their mean distance from zero. */
function biggest<S extends Pick<Series, 'values'>>(series: S[], most: number): S[] {
  if (series.length <= most) return series;
  const sized = series.map((s, i) => ({ i, size: size(s.values) })).sort((a, b) => b.size - a.size || a.i - b.i);
  const kept = new Set(sized.slice(0, most).map((s) => s.i));
  return series.filter((_, i) => kept.has(i));
}

function size(values: (number | null)[]): number {
  let sum = 0;
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    if (v === null || v === undefined) continue;
    sum += Math.abs(v);
    n++;
  }
  return n === 0 ? -1 : sum / n;
}
