import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query';
import { ApiError, call, get } from '../api/client';
import { inLanes } from '../lib/lanes';
import { stepFor } from '../lib/time';

export type Labels = Record<string, string>;
/** One series of an instant query: [Unix seconds, value]. */
export type VectorSample = { metric: Labels; value: [number, string] };
/** One series over time: times in Unix seconds, NaN as null. */
export type Series = { metric: Labels; times: number[]; values: (number | null)[] };
export type RangeResult = { series: Series[]; warnings: string[]; step: number };
/** A range result with what it took: milliseconds, and whether there were more series than asked for. */
export type RangeAnswer = RangeResult & { took: number; truncated: boolean };
export type InstantAnswer = { samples: VectorSample[]; warnings: string[]; took: number; truncated: boolean };

type Answer<R> = { status: 'success'; data: { resultType: string; result: R }; warnings?: string[]; infos?: string[] };

export const promKeys = {
  all: ['prom'] as const,
  instant: (query: string, at?: number) => ['prom', 'instant', query, at] as const,
  range: (query: string, from: number, to: number, step: number) => ['prom', 'range', query, from, to, step] as const,
};

const base = '/prometheus/api/v1';

export async function queryInstant(query: string, at?: number, signal?: AbortSignal): Promise<VectorSample[]> {
  return (await askInstant(query, { at, signal })).samples;
}

type Point = [number, string];
/** A series as it comes; one of native histograms has no values. */
type RawSeries = { metric: Labels; value?: Point; values?: Point[] };

/** Asks for a query's values at one time, of at most `limit` series. Of a range of values the newest is taken. */
export async function askInstant(
  query: string,
  { at, limit, signal }: { at?: number; limit?: number; signal?: AbortSignal } = {},
): Promise<InstantAnswer> {
  const began = performance.now();
  const form = { query, time: at, limit };
  const a = await call<Answer<RawSeries[] | Point>>(`${base}/query`, { method: 'POST', form, signal });
  const took = performance.now() - began;
  if (a.data.resultType === 'scalar' || a.data.resultType === 'string') {
    return { samples: [{ metric: {}, value: a.data.result as Point }], ...notesOf(a), took };
  }
  const samples = (a.data.result as RawSeries[]).flatMap(({ metric, value, values }) => {
    const newest = value ?? values?.at(-1);
    return newest ? [{ metric, value: newest }] : [];
  });
  return { samples, ...notesOf(a, (a.data.result as RawSeries[]).length - samples.length), took };
}

/** Asks for a query's values from `from` to `to` (Unix seconds) each `step` seconds, of at most `limit` series. */
export async function queryRange(
  query: string,
  from: number,
  to: number,
  step: number,
  signal?: AbortSignal,
  limit?: number,
): Promise<RangeAnswer> {
  const began = performance.now();
  const form = { query, start: from, end: to, step, limit };
  const a = await call<Answer<RawSeries[]>>(`${base}/query_range`, { method: 'POST', form, signal });
  const took = performance.now() - began;
  const series = seriesOf(a.data.result);
  return { series, step, took, ...notesOf(a, a.data.result.length - series.length) };
}

/** Reads series. Series with the same times share one list of them. */
function seriesOf(raw: RawSeries[]): Series[] {
  const out: Series[] = [];
  let shared: number[] = [];
  for (const { metric, values } of raw) {
    if (!values) continue;
    if (!hasTimes(values, shared)) shared = values.map((v) => v[0]);
    out.push({ metric, times: shared, values: values.map((v) => numberOf(v[1])) });
  }
  return out;
}

function hasTimes(values: Point[], times: number[]): boolean {
  if (values.length !== times.length) return false;
  for (let i = 0; i < times.length; i++) if ((values[i] as Point)[0] !== times[i]) return false;
  return true;
}

/** A number as Prometheus writes it; what cannot be drawn, NaN and infinity, becomes null. */
function numberOf(text: string): number | null {
  const v = Number(text);
  return Number.isFinite(v) ? v : null;
}

const cutShort = 'results truncated due to limit';

function notesOf(a: Answer<unknown>, histograms = 0): { warnings: string[]; truncated: boolean } {
  const warnings = [...(a.warnings ?? []), ...(a.infos ?? [])];
  if (histograms > 0)
    warnings.push(`${histograms} series are native histograms, which have no single value: use histogram_quantile()`);
  return { warnings: warnings.filter((w) => w !== cutShort), truncated: warnings.includes(cutShort) };
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

/** A span whose ends are multiples of a step; with `ahead` its end is not before the present, so that no sample is left out. */
export function onGrid(span: { from: number; to: number }, step: number, ahead = false) {
  const end = ahead ? Math.ceil(span.to / step) : Math.floor(span.to / step);
  return { from: Math.floor(span.from / step) * step, to: end * step, step };
}

/** A page asks for dozens of charts: the first are there sooner when few are worked on together. */
export const lane = inLanes(2);

type Grid = { points?: number; ahead?: number };

/**
 * A query's values over a span, in about so many points, or each `ahead` seconds up to the newest sample; aligned to its step so that
 * charts of one page share their times.
 */
export function rangeQuery(query: string, span: { from: number; to: number }, { points = 360, ahead }: Grid = {}) {
  const { from, to, step } = onGrid(span, ahead ?? stepFor(span.to - span.from, points), ahead !== undefined);
  return queryOptions({
    queryKey: promKeys.range(query, from, to, step),
    queryFn: ({ signal }) => lane(() => queryRange(query, from, to, step, signal), signal),
    enabled: query !== '',
    gcTime: 60_000,
  });
}

export function useRange(query: string, span: { from: number; to: number }, grid?: Grid) {
  return useQuery({ ...rangeQuery(query, span, grid), placeholderData: keepPreviousData });
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

/** The most names or values that are asked for at once. */
const mostFound = 1000;

/** The span by whole hours: labels of the same hour are asked once. */
function hours({ from, to }: { from: number; to: number }) {
  return { start: Math.floor(from / 3600) * 3600, end: Math.ceil(to / 3600) * 3600 };
}

type Found = { data: string[]; warnings?: string[] };

const wasCut = (a: Found) => a.warnings?.includes(cutShort) ?? false;

/** The label names of the series that a selector matches, of all series for ''. */
export async function findLabels(selector: string, span: { from: number; to: number }, signal?: AbortSignal) {
  const params = { 'match[]': selector, ...hours(span), limit: mostFound };
  const a = await get<Found>(`${base}/labels`, params, signal);
  return { names: a.data.filter((n) => n !== '__name__'), truncated: wasCut(a) };
}

/** A label's values in the series that a selector matches, at most 1000. */
export async function findValues(
  label: string,
  selector: string,
  span: { from: number; to: number },
  signal?: AbortSignal,
) {
  const params = { 'match[]': selector, ...hours(span), limit: mostFound };
  const a = await get<Found>(`${base}/label/${encodeURIComponent(label)}/values`, params, signal);
  return { values: a.data, truncated: wasCut(a) };
}

/** A mistake in a query, and where the collector found it: offsets into the text. */
export type Mistake = { from: number; to: number; message: string };

/** Lets the collector read a query without running it; undefined when there is nothing wrong. */
export async function findMistake(query: string, signal?: AbortSignal): Promise<Mistake | undefined> {
  try {
    await call(`${base}/parse_query`, { method: 'POST', form: { query }, signal });
    return undefined;
  } catch (err) {
    if (err instanceof ApiError && err.kind === 'bad_data') return mistakeIn(query, err.message);
    throw err;
  }
}

/** Reads "…: 1:12: parse error: unexpected …": the column counts bytes from 1. Without a place all of the query is meant. */
export function mistakeIn(query: string, message: string): Mistake {
  const text = message.replace(/^invalid parameter "query": /, '');
  const found = /^(\d+):(\d+): (?:parse error: )?([\s\S]*)$/.exec(text);
  if (!found) return { from: 0, to: query.length, message: text };
  const lines = query.split('\n');
  const line = Math.min(Number(found[1]), lines.length) - 1;
  const start = lines.slice(0, line).reduce((n, l) => n + l.length + 1, 0);
  const from = Math.min(start + columnOf(lines[line] ?? '', Number(found[2]) - 1), query.length);
  const word = /^[\w:.]+|^\S/.exec(query.slice(from))?.[0].length ?? 0;
  // At the end there is nothing to mark but what comes before.
  if (word === 0) return { from: Math.max(0, from - 1), to: Math.max(from, 1), message: found[3] ?? text };
  return { from, to: from + word, message: found[3] ?? text };
}

/** How many UTF-16 units of a line come before a byte. */
function columnOf(line: string, bytes: number): number {
  return new TextDecoder().decode(new TextEncoder().encode(line).slice(0, bytes)).length;
}
