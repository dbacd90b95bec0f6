import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Agent } from '../agent/agent';
import { get } from '../api/client';
import type { Schema } from '../api/types';
import { statuses } from '../host/StatusMark';

type Result = Schema<'Result'>;
type Page = { items: Agent[] };

/** How many hosts each list of the overview shows. */
export const shown = 8;

/** The hosts that are down or silent, who fell silent last first. */
export function useSilent() {
  return useQuery({
    queryKey: ['agents', 'silent'],
    queryFn: async ({ signal }) => {
      const params = { state: 'down,warn', sort: '-last_seen_at', limit: shown };
      return (await get<Page>('/api/v1/agents', params, signal)).items;
    },
  });
}

/** The worst hosts by the results of their checks. */
export function useFailing() {
  return useQuery({
    queryKey: ['agents', 'failing'],
    queryFn: async ({ signal }) => {
      const page = await get<Page>('/api/v1/agents', { sort: '-worst_result', limit: shown }, signal);
      return page.items.filter((a) => (a.worst_result?.not_ok ?? 0) > 0 && a.state !== 'revoked');
    },
    placeholderData: keepPreviousData,
  });
}

/** What an agent's checks found that is not ok, the worst first. */
export function useNotOk(id: string) {
  return useQuery({
    queryKey: ['agents', 'results', id],
    queryFn: async ({ signal }) =>
      notOk((await get<{ items: Result[] }>(`/api/v1/agents/${encodeURIComponent(id)}/results`, {}, signal)).items),
  });
}

export function notOk(results: Result[]): Result[] {
  return results
    .filter((r) => r.status !== 'ok')
    .sort((a, b) => statuses.indexOf(a.status) - statuses.indexOf(b.status) || a.check.localeCompare(b.check));
}
