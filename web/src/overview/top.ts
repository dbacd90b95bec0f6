import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { numberQueries, spaceUsed } from '../host/numbers';
import { useLive } from '../live/live';
import { queryInstant } from '../metric/promql';

/** How many hosts get a line or a row of their own. */
const most = 5;

export const topQueries = {
  cpu: `topk(${most}, ${numberQueries.cpu})`,
  memory: `topk(${most}, ${numberQueries.memory})`,
  disk: `topk(${most}, ${spaceUsed()})`,
};

/** How often the highest are looked for, in seconds. */
const every = 30;

/** The hosts with the highest numbers now, the highest first. */
export function useTop() {
  const { now } = useLive();
  const at = Math.floor(now / 1000 / every) * every;
  return useQuery({
    queryKey: ['prom', 'top', at],
    queryFn: async ({ signal }) => {
      const ask = (query: string) => queryInstant(query, at, signal);
      const [cpu, memory, disk] = await Promise.all([
        ask(topQueries.cpu),
        ask(topQueries.memory),
        ask(topQueries.disk),
      ]);
      return { cpu, memory, disk };
    },
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });
}
