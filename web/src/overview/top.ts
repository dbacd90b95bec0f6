import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { numberQueries, spaceUsed } from '../host/numbers';
import { inLanes } from '../lib/lanes';
import { useLive } from '../live/live';
import { queryInstant } from '../metric/promql';

/** How many hosts get a line or a row of their own. */
const most = 5;

export const topQueries = {
  cpu: `topk(${most}, ${numberQueries.cpu})`,
  memory: `topk(${most}, ${numberQueries.memory})`,
  disk: `topk(${most}, ${spaceUsed()})`,
};

/** How often the highest are looked for, in seconds; and where a host is new. */
const every = 30;
const soon = 2;

/** One at a time, beside the charts, which are dearer. */
const lane = inLanes(1);

/** The hosts with the highest numbers of a kind now, the highest first. */
export function useTop(kind: keyof typeof topQueries, young: boolean) {
  const { now } = useLive();
  const grid = young ? soon : every;
  const at = (young ? Math.ceil : Math.floor)(now / 1000 / grid) * grid;
  return useQuery({
    queryKey: ['prom', 'top', kind, at],
    queryFn: ({ signal }) => lane(() => queryInstant(topQueries[kind], at, signal), signal),
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });
}
