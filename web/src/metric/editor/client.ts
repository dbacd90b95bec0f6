import type { PrometheusClient } from '@prometheus-io/codemirror-promql/dist/esm/client/prometheus';
import { labelMatchersToString } from '@prometheus-io/codemirror-promql/dist/esm/parser/matcher';
import { Matcher } from '@prometheus-io/codemirror-promql/dist/esm/types';
import { EqlRegex } from '@prometheus-io/lezer-promql';
import { findLabels, findMetrics, findValues, type MetricName } from '../promql';
import { escapeRegex } from '../suggest';

/** How many names the editor offers at once: the collector has ranked them, more would not be read. */
const mostNames = 50;
const mostKept = 200;

/**
 * Asks the collector for what the editor completes. Every answer is bounded and kept for a minute; what is being typed goes along,
 * so that a match beyond the bound is found too.
 */
export class CompletionClient implements PrometheusClient {
  /** What stands before the cursor in the word or string that is being completed. */
  typed = '';
  private readonly kept = new Map<string, { at: number; answer: Promise<unknown> }>();
  private readonly known = new Map<string, MetricName>();

  constructor(private readonly span: () => { from: number; to: number }) {}

  async metricNames(): Promise<string[]> {
    const { items } = await this.once(`name ${this.typed}`, () => findMetrics(this.typed, mostNames));
    this.known.clear();
    for (const m of items) this.known.set(m.name, m);
    return items.map((m) => m.name);
  }

  /** What is known of the names found last: asks for nothing. */
  async metricMetadata(): Promise<Record<string, { type: string; help: string }[]>> {
    return Object.fromEntries([...this.known].map(([name, { type, help }]) => [name, [{ type, help }]]));
  }

  async labelNames(metric?: string): Promise<string[]> {
    const { names } = await this.once(`labels ${metric ?? ''}`, () => findLabels(metric ?? '', this.span()));
    return names;
  }

  async labelValues(label: string, metric?: string, matchers: Matcher[] = []): Promise<string[]> {
    if (label === '__name__') return this.metricNames();
    const selector = selectorWith(metric, matchers, label);
    const typed = this.typed;
    const all = await this.once(`values ${label} ${selector}`, () => findValues(label, selector, this.span()));
    if (!all.truncated || !typed) return all.values;
    const near = selectorWith(metric, matchers, label, typed);
    return (await this.once(`values ${label} ${near}`, () => findValues(label, near, this.span()))).values;
  }

  async series(): Promise<Map<string, string>[]> {
    return [];
  }

  async flags(): Promise<Record<string, string>> {
    return {};
  }

  private once<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const before = this.kept.get(key);
    if (before && Date.now() - before.at < 60_000) return before.answer as Promise<T>;
    const answer = ask();
    this.kept.delete(key);
    this.kept.set(key, { at: Date.now(), answer });
    answer.catch(() => this.kept.delete(key));
    for (const old of this.kept.keys()) {
      if (this.kept.size <= mostKept) break;
      this.kept.delete(old);
    }
    return answer;
  }
}

/** A selector of the metric and the matchers on other labels; with `part` the label's values must hold it. Texts are as typed. */
function selectorWith(metric = '', matchers: Matcher[], label: string, part = ''): string {
  const others = matchers.filter((m) => m.name !== label && m.value !== '');
  if (part) {
    const pattern = JSON.stringify(`(?i:.*${escapeRegex(part)}.*)`).slice(1, -1);
    others.push(new Matcher(EqlRegex, label, pattern));
  }
  return metric || others.length > 0 ? labelMatchersToString(metric, others, '') : '';
}
