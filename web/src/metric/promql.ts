import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { call, get } from '../api/client';
import { stepFor } from '../lib/time';

export type Labels = Record<string, string>;
/** One series of an instant query: [Unix seconds, value]. */
export type VectorSample = { metric: Labels; value: [number, string] };
/** One series over time: times in Unix seconds, NaN as null. */
export type Series = { metric: Labels; times: number[]; values: (number | null)[] };
export type RangeResult = { series: Series[]; warnings: string[]; step: number };

type Answer<R> = { status: 'success'; data: { resultType: string; result: R }; warnings?: string[]; infos?: string[] };

export const promKeys = {
  all: ['prom'] as const,
  instant: (query: string, at?: number) => ['prom', 'instant', query, at] as const,
  range: (query: string, from: number, to: number, step: number) => ['prom', 'range', query, from, to, step] as const,
};

const base = '/prometheus/api/v1';

export async function queryInstant(query: string, at?: number, signal?: AbortSignal): Promise<VectorSample[]> {
  const form = { query, time: at };
  const a = await call<Answer<VectorSample[] | [number, string]>>(`${base}/query`, { method: 'POST', form, signal });
  if (a.data.resultType === 'scalar') return [{ metric: {}, value: a.data.result as [number, string] }];
  return a.data.result as VectorSample[];
}

/** Asks for a query's values from `from` to `to` (Unix seconds) each `step` seconds. */
export async function queryRange(
  query: string,
  from: number,
  to: number,
  step: number,
  signal?: AbortSignal,
): Promise<RangeResult> {
  const form = { query, start: from, end: to, step };
  const a = await call<Answer<{ metric: Labels; values: [number, string][] }[]>>(`${base}/query_range`, {
    method: 'POST',
    form,
    signal,
  });
  const series = a.data.result.map(({ metric, values }) => ({
    metric,
    times: values.map((v) => v[0]),
    values: values.map((v) => (v[1] === 'NaN' ? null : Number(v[1]))),
  }));
  return { series, warnings: [...(a.warnings ?? []), ...(a.infos ?? [])], step };
}

/** A query's present values. Live updates refresh it; see live/live.ts. */
export function useInstant(query: string, { at, enabled = true }: { at?: number; enabled?: boolean } = {}) {
  return useQuery({
    queryKey: promKeys.instant(query, at),
    queryFn: ({ signal }) => queryInstant(query, at, signal),
    enabled: enabled && query !== '',
    placeholderData: keepPreviousData,
  });
}

/** A query's values over a span, aligned to its step so that charts of one page share their times. */
export function useRange(
  query: string,
  span: { from: number; to: number },
  { points = 360, enabled = true, step }: { points?: number; enabled?: boolean; step?: number } = {},
) {
  const s = step ?? stepFor(span.to - span.from, points);
  const from = Math.floor(span.from / s) * s;
  const to = Math.floor(span.to / s) * s;
  return useQuery({
    queryKey: promKeys.range(query, from, to, s),
    queryFn: ({ signal }) => queryRange(query, from, to, s, signal),
    enabled: enabled && query !== '',
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });
}

/** A series as PromQL writes it: name{label="value"}; without the labels in `hide`. */
export function seriesName(metric: Labels, hide: readonly string[] = []): string {
  const { __name__ = '', ...rest } = metric;
  const labels = Object.entries(rest)
    .filter(([k]) => !hide.includes(k))
    .map(([k, v]) => `${k}=${quote(v)}`);
  return __name__ + (labels.length > 0 ? `{${labels.join(', ')}}` : __name__ ? '' : '{}');
}

/** A label value as a PromQL string. */
export function quote(value: string): string {
  return JSON.stringify(value);
}

export type MetricName = { name: string; type: string; help: string; unit: string };

/** Names of metrics that match what was typed, the best first. The collector ranks: 150,000 names never reach the browser. */
export function findMetrics(search: string, limit: number, signal?: AbortSignal) {
  return get<{ items: MetricName[]; total: number }>('/api/v1/metric-names', { search, limit }, signal);
}

export function useMetricNames(search: string, limit = 50) {
  return useQuery({
    queryKey: ['metric-names', search, limit],
    queryFn: ({ signal }) => findMetrics(search, limit, signal),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
}
