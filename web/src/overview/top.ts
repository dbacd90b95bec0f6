import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { numberQueries, spaceUsed } from '../host/numbers';
import { useLive } from '../live/live';
import { lane, queryInstant } from '../metric/promql';

/** How many hosts get a line or a row of their own. */
const most = 5;

export const topQueries = {
  cpu: `topk(${most}, ${numberQueries.cpu})`,
  memory: `topk(${most}, ${numberQueries.memory})`,
  disk: `topk(${most}, ${spaceUsed()})`,
};

/** How often the highest are looked for, in seconds. */
const every = 30;

/** The hosts with the highest numbers of a kind now, the highest first. */
export function useTop(kind: keyof typeof topQueries) {
  const { now } = useLive();
  const at = Math.floor(now / 1000 / every) * every;
  return useQuery({
    queryKey: ['prom', 'top', kind, at],
    queryFn: ({ signal }) => lane(() => queryInstant(topQueries[kind], at, signal), signal),
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });
}
