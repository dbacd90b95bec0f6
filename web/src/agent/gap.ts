import { useQuery } from '@tanstack/react-query';
import { ApiError, get } from '../api/client';

/** One thing that cannot be collected, for one reason, and the agents where that is so. Without a fix there is nothing to mend. */
export type Gap = { name: string; reason: string; fix?: string; agents: number; instances: string[] };

export const gapKeys = { all: ['gaps'] as const, fixable: ['gaps', 'fixable'] as const };

/** What cannot be collected over all agents and could be; undefined from a collector that does not tell. */
export function useGaps() {
  return useQuery({
    queryKey: gapKeys.fixable,
    queryFn: async ({ signal }): Promise<Gap[] | null> => {
      try {
        return (await get<{ items: Gap[] }>('/api/v1/gaps', { fixable: true, limit: 100 }, signal)).items;
      } catch (err) {
        if (err instanceof ApiError && err.status === 404) return null;
        throw err;
      }
    },
  });
}
