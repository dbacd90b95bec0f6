import { formatDuration, instant, parseDuration, stepFor } from '../lib/time';
import { href, withParams } from '../lib/url';
import { type Labels, onGrid } from './promql';

/** A query of the page: `query` is what ran, `text` what stands in its editor. */
export type Row = { id: number; query: string; text: string; hidden: boolean };

let lastId = 0;

export const newRow = (query = '', hidden = false): Row => ({ id: ++lastId, query, text: query, hidden });

/** The queries of the URL: ?q=… for each, and ?hide=0,2 for those that are not run. */
export function readRows(params: URLSearchParams): Pick<Row, 'query' | 'hidden'>[] {
  const hidden = new Set((params.get('hide') ?? '').split(',').filter(Boolean).map(Number));
  const queries = params.getAll('q');
  return (queries.length > 0 ? queries : ['']).map((query, i) => ({ query, hidden: hidden.has(i) }));
}

/** The parameters that hold rows. */
export function rowParams(rows: Pick<Row, 'query' | 'hidden'>[]): { q: string[]; hide: string } {
  const q = rows.map((r) => r.query);
  const hide = rows.flatMap((r, i) => (r.hidden ? [i] : [])).join(',');
  return { q: q.every((one) => one === '') && q.length < 2 ? [] : q, hide };
}

/** Brings rows to what the URL says now. Rows that are there already keep their id and what is being typed in them. */
export function reconcile(rows: Row[], wanted: Pick<Row, 'query' | 'hidden'>[]): Row[] {
  const left = [...rows];
  const taken = wanted.map((w) => {
    const at = left.findIndex((r) => r.query === w.query);
    return at < 0 ? undefined : left.splice(at, 1)[0];
  });
  const next = wanted.map((w, i): Row => {
    const row = taken[i];
    if (row) return row.hidden === w.hidden ? row : { ...row, hidden: w.hidden };
    const id = left.shift()?.id ?? ++lastId;
    return { id, query: w.query, text: w.query, hidden: w.hidden };
  });
  return next.length === rows.length && next.every((r, i) => r === rows[i]) ? rows : next;
}

/** The letter that stands for a query: A, B, … Z, A1, … */
export const letter = (i: number) => String.fromCharCode(65 + (i % 26)) + (i >= 26 ? Math.floor(i / 26) : '');

/** The most points of one series that the collector gives, and the most of one query that the page asks for. */
export const mostPoints = 11_000;
export const mostValues = 500_000;
const mostSeries = 10_000;

export type Plan = { from: number; to: number; step: number; points: number; limit: number; coarser: boolean };

/** How to ask for a span: at the resolution wanted, unless that gives more points than there may be. */
export function planOf(span: { from: number; to: number }, wanted: string): Plan {
  const length = span.to - span.from;
  const automatic = stepFor(length);
  const asked = parseDuration(wanted);
  const finest = stepFor(length, mostPoints - 2, 1);
  const step = asked === undefined ? automatic : Math.max(asked, finest);
  // A span that moves with the present need not be asked anew for each point: the eye sees no less than a pixel.
  const { from, to } = onGrid(span, Math.max(step, asked === undefined ? 0 : Math.floor(automatic / step) * step));
  const points = Math.floor((to - from) / step) + 1;
  const limit = Math.max(1, Math.min(mostSeries, Math.floor(mostValues / points)));
  return { from, to, step, points, limit, coarser: asked !== undefined && step > asked };
}

/** The resolutions to choose from. */
export const resolutions = ['10s', '30s', '1m', '5m', '15m', '1h', '6h', '1d'];

export const perPoint = (step: number) => `1 point per ${formatDuration(step)}`;

/** The labels that all series have with the same value; none when there are fewer than two series. */
export function commonLabels(results: ({ series: { metric: Labels }[] } | undefined)[]): Labels {
  const all = results.flatMap((r) => r?.series ?? []);
  const first = all[0];
  if (!first || all.length < 2) return {};
  const common = { ...first.metric };
  for (const s of all) for (const k of Object.keys(common)) if (s.metric[k] !== common[k]) delete common[k];
  return common;
}

/** The page's address with fixed times, so that whoever opens it sees the same. */
export function permanentLink(at: Location, span: { from: number; to: number }, zone: string): string {
  const search = withParams(at.search.slice(1), {
    from: instant(span.from),
    to: instant(span.to),
    range: undefined,
    live: undefined,
    tz: zone,
  });
  return at.origin + href(at.pathname, search);
}

type Asked = { query: string; from: number; to: number; step: number };

const rangeParams = ({ query, from, to, step }: Asked) => ({ query, start: `${from}`, end: `${to}`, step: `${step}` });

/** The path of a range query's answer. */
export const rawPath = (a: Asked) => `/prometheus/api/v1/query_range?${new URLSearchParams(rangeParams(a))}`;

/** A range query for the command line; the secret of an API token comes from the environment. */
export function curlOf(origin: string, a: Asked): string {
  const { query, ...rest } = rangeParams(a);
  const times = Object.entries(rest).map(([k, v]) => `-d ${k}=${v}`);
  return [
    `curl -sG ${shellQuote(`${origin}/prometheus/api/v1/query_range`)}`,
    `-H "Authorization: Bearer $PICKET_TOKEN"`,
    `--data-urlencode ${shellQuote(`query=${query}`)}`,
    times.join(' '),
  ].join(' \\\n  ');
}

const shellQuote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Rows as CSV, RFC 4180. A field that a spreadsheet would run as a formula gets an apostrophe before it. */
export function csv(rows: (string | number | null)[][]): string {
  const field = (v: string | number | null) => {
    if (typeof v !== 'string') return v === null ? '' : String(v);
    const safe = /^[=+@\t\r]|^-(?![\d.]+$|Inf$)/.test(v) ? `'${v}` : v;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((r) => r.map(field).join(',')).join('\r\n');
}
