import { useQueries } from '@tanstack/react-query';
import { useRef } from 'react';
import type { Plan, Row } from './explore';
import { askInstant, type InstantAnswer, promKeys, queryRange, type RangeAnswer } from './promql';

/** What is known of a query's answer: the former one is shown until the new one is there. A hidden or empty query does not run. */
export type Asked<A> = { query: string; runs: boolean; answer: A | undefined; error: unknown; fetching: boolean };

/** The most rows that a table shows. */
export const mostRows = 10_000;

const runs = (row: Row) => row.query !== '' && !row.hidden;

/** Asks for the values of all rows that are not hidden, over a span. */
export function useRangeResults(rows: Row[], plan: Plan, enabled: boolean): Asked<RangeAnswer>[] {
  const { from, to, step, limit } = plan;
  const asked = useQueries({
    queries: rows.map((row) => ({
      queryKey: [...promKeys.range(row.query, from, to, step), limit],
      queryFn: ({ signal }: { signal: AbortSignal }) => queryRange(row.query, from, to, step, signal, limit),
      enabled: enabled && runs(row),
      gcTime: 30_000,
    })),
  });
  return useKept(rows, asked);
}

/** Asks for the values of all rows that are not hidden, at one time. */
export function useInstantResults(rows: Row[], at: number, enabled: boolean): Asked<InstantAnswer>[] {
  const asked = useQueries({
    queries: rows.map((row) => ({
      // Not under promKeys.instant: `at` moves with the page, new samples need not ask again.
      queryKey: ['prom', 'table', row.query, at],
      queryFn: ({ signal }: { signal: AbortSignal }) => askInstant(row.query, { at, limit: mostRows, signal }),
      enabled: enabled && runs(row),
      gcTime: 30_000,
    })),
  });
  return useKept(rows, asked);
}

type Query<A> = { data: A | undefined; error: unknown; isFetching: boolean };

/** Keeps each row's answer while the next one is on its way. The list is a new one only when something in it is new. */
function useKept<A>(rows: Row[], asked: Query<A>[]): Asked<A>[] {
  const kept = useRef(new Map<number, Asked<A>>());
  const next = new Map<number, Asked<A>>();
  const out = rows.map((row, i): Asked<A> => {
    const q = asked[i];
    const before = kept.current.get(row.id);
    const error = runs(row) ? (q?.error ?? null) : null;
    const answer = runs(row) && !error ? (q?.data ?? before?.answer) : undefined;
    const now = { query: row.query, runs: runs(row), answer, error, fetching: q?.isFetching ?? false };
    const same = before && (Object.keys(now) as (keyof typeof now)[]).every((k) => before[k] === now[k]);
    const stands = same ? before : now;
    next.set(row.id, stands);
    return stands;
  });
  kept.current = next;
  return useStable(out);
}

/** Returns the former list while the items are the same. */
export function useStable<T>(list: T[]): T[] {
  const kept = useRef(list);
  const same = kept.current.length === list.length && list.every((v, i) => v === kept.current[i]);
  if (!same) kept.current = list;
  return kept.current;
}
