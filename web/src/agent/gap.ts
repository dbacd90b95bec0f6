import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Schema } from '../api/types';

/** One thing that cannot be collected, for one reason, and the agents where that is so. Without a fix there is nothing to mend. */
export type Gap = Schema<'Gap'>;

export const gapKeys = { all: ['gaps'] as const, fixable: ['gaps', 'fixable'] as const };

/** What could be collected over all agents and is not: what concerns the most agents first. */
export function useGaps() {
  return useQuery({
    queryKey: gapKeys.fixable,
    queryFn: async ({ signal }) =>
      (await get<{ items: Gap[] }>('/api/v1/gaps', { fixable: true, limit: 100 }, signal)).items,
  });
}
