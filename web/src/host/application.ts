import type { Panel } from '../chart/ChartCard';
import { unitOf } from '../lib/number';
import { type Labels, type MetricName, quote } from '../metric/promql';
import type { PanelGroup } from './panel';

/** Names that the other charts of a host are made of, or that say nothing over time. */
export const systemNames = 'node_.*|picket_agent_.*|up|ALERTS.*|scrape_.*|.*_info|.*_created';

/** How many lines a chart of an unknown metric may have before its series are summed up. */
const lines = 12;

type Metric = { name: string; series: Labels[] };

/** What is known of metrics beside their names. */
export type Known = ReadonlyMap<string, Pick<MetricName, 'type' | 'help'>>;

/** The first word of a metric's name: what its application is called, as a rule. */
export const firstWord = (name: string) => /^[^_:]+/.exec(name)?.[0] ?? name;

/** Charts of whatever else a host tells, grouped by the first word of the names: rates of counters, quantiles of histograms, values of the rest. */
export function applicationPanels(
  series: Labels[],
  instance: string,
  window: string,
  known: Known = new Map(),
): PanelGroup[] {
  const byName = new Map<string, Labels[]>();
  for (const s of series) {
    const name = s.__name__ ?? '';
    if (name) byName.set(name, [...(byName.get(name) ?? []), s]);
  }
  const groups = new Map<string, Panel[]>();
  for (const name of [...byName.keys()].sort()) {
    const made = panelsOf({ name, series: byName.get(name) ?? [] }, byName, instance, window, known);
    const word = firstWord(name);
    if (made.length > 0) groups.set(word, [...(groups.get(word) ?? []), ...made]);
  }
  return [...groups].map(([word, panels]) => ({ key: `app-${word}`, title: word, panels }));
}

function panelsOf(
  m: Metric,
  all: ReadonlyMap<string, unknown>,
  instance: string,
  window: string,
  known: Known,
): Panel[] {
  const about = known.get(m.name);
  const words = (more: string) => [about?.help?.replace(/\.?$/, '.'), more].filter(Boolean).join(' ');
  const i = `instance=${quote(instance)}`;
  const base = m.name.replace(/_(bucket|sum|count)$/, '');
  if (m.name.endsWith('_bucket') && m.series.some((s) => s.le)) return histogram(base, i, window);
  if (base !== m.name && (all.has(`${base}_bucket`) || (all.has(`${base}_sum`) && all.has(`${base}_count`))))
    return m.name.endsWith('_count') && !all.has(`${base}_bucket`) ? summary(base, i, window) : [];
  if (about?.type === 'counter' || (m.name.endsWith('_total') && about?.type !== 'gauge')) {
    const { query, name, note } = aggregated(m, (labels) => `rate(${m.name}{${labels}}[${window}])`, 'sum', i);
    return [
      {
        title: m.name,
        help: words(`How much it grows each second${note}.`),
        sources: [{ query, name }],
        unit: unitOf(m.name, true),
      },
    ];
  }
  const { query, name, note } = aggregated(m, (labels) => `${m.name}{${labels}}`, 'avg', i);
  return [
    {
      title: m.name,
      help: words(note && `Its value${note}.`) || undefined,
      sources: [{ query, name }],
      unit: unitOf(m.name),
    },
  ];
}

function histogram(base: string, i: string, window: string): Panel[] {
  const quantile = (q: number) => ({
    query: `histogram_quantile(${q}, sum by (le) (rate(${base}_bucket{${i}}[${window}])))`,
    name: `p${q * 100}`,
  });
  return [
    {
      title: base,
      help: 'Half, 95 and 99 of a hundred were not above these values, by the bounds of its buckets.',
      sources: [quantile(0.5), quantile(0.95), quantile(0.99)],
      unit: unitOf(base),
    },
    ...rateOf(base, i, window),
  ];
}

function summary(base: string, i: string, window: string): Panel[] {
  return [
    {
      title: `${base}, mean`,
      sources: [
        {
          query: `sum(rate(${base}_sum{${i}}[${window}])) / (sum(rate(${base}_count{${i}}[${window}])) > 0)`,
          name: 'mean',
        },
      ],
      unit: unitOf(base),
    },
    ...rateOf(base, i, window),
  ];
}

const rateOf = (base: string, i: string, window: string): Panel[] => [
  {
    title: `${base}, how often`,
    sources: [{ query: `sum(rate(${base}_count{${i}}[${window}]))`, name: 'each second' }],
    unit: 'ops/s',
  },
];

/** Draws each series while they are few; else sums them up by the label that tells most and still fits, or altogether. */
function aggregated(m: Metric, select: (labels: string) => string, how: 'sum' | 'avg', i: string) {
  if (m.series.length <= lines) return { query: select(i), name: namer(m.series), note: '' };
  const label = splitting(m.series);
  const what = how === 'sum' ? 'summed up' : 'on average';
  if (!label) return { query: `${how}(${select(i)})`, name: m.name, note: `, ${what} over ${m.series.length} series` };
  return {
    query: `${how} by (${label}) (${select(i)})`,
    name: (l: Labels) => l[label] || `no ${label}`,
    note: `, ${what} by ${label}`,
  };
}

/** The label with the most values that are still few enough. */
export function splitting(series: Labels[]): string | undefined {
  const values = new Map<string, Set<string>>();
  for (const s of series)
    for (const [k, v] of Object.entries(s)) {
      if (k === '__name__' || k === 'instance' || k === 'job') continue;
      values.set(k, (values.get(k) ?? new Set()).add(v));
    }
  const fitting = [...values].filter(([, v]) => v.size > 1 && v.size <= lines);
  return fitting.sort((a, b) => b[1].size - a[1].size || a[0].localeCompare(b[0]))[0]?.[0];
}

/** Names a series by the labels that differ between the series of its metric. */
function namer(series: Labels[]): (l: Labels) => string {
  const first = series[0] ?? {};
  const labels = [...new Set(series.flatMap((s) => Object.keys(s)))].filter(
    (k) => k !== '__name__' && series.some((s) => s[k] !== first[k]),
  );
  return (l) => {
    const own = labels.filter((k) => l[k]);
    if (own.length === 0) return first.__name__ ?? 'value';
    return labels.length === 1 ? (l[own[0] ?? ''] ?? '') : own.map((k) => `${k}=${l[k]}`).join(' ');
  };
}
