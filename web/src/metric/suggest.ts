import { type MetricName, quote } from './promql';

export type Matcher = { label: string; value: string };

/** What to ask about a metric at first, by its type: how fast a counter grows, what a histogram's slowest 5 % take, a gauge itself. */
export function suggest(m: Pick<MetricName, 'name' | 'type'>, matchers: Matcher[] = []): string {
  const selector = selectorOf(m.name, matchers);
  if (m.type === 'histogram' && /_bucket$/.test(m.name)) return quantile(selector);
  if (m.type === 'counter' || /_(total|bucket|sum|count)$/.test(m.name)) return `rate(${selector}[5m])`;
  if (m.type === 'histogram') return `histogram_quantile(0.95, sum(rate(${selector}[5m])))`;
  return selector;
}

const quantile = (selector: string) => `histogram_quantile(0.95, sum by (le) (rate(${selector}[5m])))`;

/** What a suggestion does, in words. */
export function explain(m: Pick<MetricName, 'name' | 'type'>): string {
  const query = suggest(m);
  if (query.startsWith('histogram_quantile')) return 'below which 95 % of the observations are';
  if (query.startsWith('rate')) return 'how fast it grows, per second over the last 5 minutes';
  return 'as it is';
}

/** A selector; several values of one label become one regular expression. */
export function selectorOf(name: string, matchers: Matcher[] = []): string {
  const byLabel = new Map<string, string[]>();
  for (const { label, value } of matchers) byLabel.set(label, [...(byLabel.get(label) ?? []), value]);
  const parts = [...byLabel].map(([label, values]) => {
    const key = plain.test(label) ? label : quote(label);
    if (values.length === 1) return `${key}=${quote(values[0] ?? '')}`;
    return `${key}=~${quote(values.map(escapeRegex).join('|'))}`;
  });
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) return `{${[quote(name), ...parts].join(', ')}}`;
  return parts.length > 0 ? `${name}{${parts.join(', ')}}` : name;
}

const plain = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export const escapeRegex = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
