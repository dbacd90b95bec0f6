import { useQueries } from '@tanstack/react-query';
import { useRef } from 'react';
import type { Plan, Row } from './explore';
import { askInstant, type InstantAnswer, promKeys, queryRange, type RangeAnswer } from './promql';

/** What is known of a query's answer: the former one is shown until the new one is there. */
export type Asked<A> = { row: Row; answer?: A; error: unknown; fetching: boolean };

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

/** Keeps each row's answer while the next one is on its way. */
function useKept<A>(rows: Row[], asked: Query<A>[]): Asked<A>[] {
  const kept = useRef(new Map<number, A>());
  const next = new Map<number, A>();
  const out = rows.map((row, i): Asked<A> => {
    const q = asked[i];
    const answer = runs(row) && !q?.error ? (q?.data ?? kept.current.get(row.id)) : undefined;
    if (answer) next.set(row.id, answer);
    return { row, answer, error: runs(row) ? (q?.error ?? null) : null, fetching: q?.isFetching ?? false };
  });
  kept.current = next;
  return out;
}
