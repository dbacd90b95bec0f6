import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { call } from '../api/client';
import { findMetrics, type Labels, quote, useInstant, type VectorSample } from '../metric/promql';
import { type Known, systemNames } from './application';

const base = '/prometheus/api/v1';

/** How many series of applications a page takes in. */
const most = 2000;

type Span = { from: number; to: number };

/** Wide enough a time that it seldom changes while the page moves with the present. */
const coarse = ({ from, to }: Span) => ({ start: Math.floor(from / 300) * 300, end: Math.ceil(to / 300) * 300 });

/** The names of all metrics that an instance had in a time. */
export function useNames(instance: string, span: Span) {
  const { start, end } = coarse(span);
  return useQuery({
    queryKey: ['prom', 'names', instance, start, end],
    queryFn: async ({ signal }) => {
      const params = { 'match[]': `{instance=${quote(instance)}}`, start, end };
      return (await call<{ data: string[] }>(`${base}/label/__name__/values`, { params, signal })).data;
    },
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
}

/** The series that an instance had in a time, but for those of its system and its agent. */
export function useApplicationSeries(instance: string, span: Span) {
  const { start, end } = coarse(span);
  return useQuery({
    queryKey: ['prom', 'series', instance, start, end],
    queryFn: async ({ signal }) => {
      const match = `{instance=${quote(instance)},__name__!~${quote(systemNames)}}`;
      const params = { 'match[]': match, start, end, limit: most };
      return (await call<{ data: Labels[] }>(`${base}/series`, { params, signal })).data;
    },
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
}

/** What is known of the metrics whose names begin with one of the words: their types and help texts. */
export function useKnown(words: string[]) {
  return useQuery({
    queryKey: ['metric-names', 'known', words],
    queryFn: async ({ signal }): Promise<Known> => {
      const found = await Promise.all(words.slice(0, 8).map((w) => findMetrics(w, 300, signal)));
      return new Map(found.flatMap((f) => f.items.map((m) => [m.name, m])));
    },
    enabled: words.length > 0,
    placeholderData: keepPreviousData,
    staleTime: 5 * 60_000,
  });
}

/** What an agent tells of itself: a value by metric name, without "picket_agent_", and labels. */
export class AgentNumbers {
  constructor(private readonly samples: VectorSample[]) {}

  /** The value of the first series of the name with the labels. */
  get(name: string, labels: Labels = {}): number | undefined {
    return this.all(name).find(({ metric }) => Object.entries(labels).every(([k, v]) => metric[k] === v))?.value;
  }

  /** All series of the name. */
  all(name: string): { metric: Labels; value: number }[] {
    return this.samples
      .filter((s) => s.metric.__name__ === `picket_agent_${name}` || s.metric.__name__ === name)
      .map((s) => ({ metric: s.metric, value: Number(s.value[1]) }));
  }

  /** The highest value of the name. */
  max(name: string): number | undefined {
    const values = this.all(name).map((s) => s.value);
    return values.length > 0 ? Math.max(...values) : undefined;
  }
}

/** What an agent tells of itself, at present or at a time in Unix seconds. */
export function useAgentNumbers(instance: string, at?: number) {
  const name = 'picket_agent_.+|node_boot_time_seconds';
  const q = useInstant(`{instance=${quote(instance)},__name__=~${quote(name)}}`, { at, enabled: instance !== '' });
  return useMemo(() => q.data && new AgentNumbers(q.data), [q.data]);
}

/** How often an agent measures, in seconds: the time between the last two runs of its checks. 10 until it is known. */
export function useInterval(instance: string): number {
  const q = useInstant(`1 / max(irate(picket_agent_check_runs_total{instance=${quote(instance)}}[10m]))`);
  const seconds = Math.round(Number(q.data?.[0]?.value[1]));
  return seconds >= 1 && seconds <= 3600 ? seconds : 10;
}
