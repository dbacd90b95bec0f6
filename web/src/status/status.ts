import { queryOptions, useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Schema } from '../api/types';

export type Status = Schema<'Status'>;

export const statusKeys = { all: ['status'] as const };

/** The collector's version and age, its agents by state, and what it stores. */
export const statusQuery = queryOptions({
  queryKey: statusKeys.all,
  queryFn: ({ signal }) => get<Status>('/api/v1/status', {}, signal),
});

export const useStatus = () => useQuery(statusQuery);
