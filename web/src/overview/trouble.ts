import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Agent } from '../agent/agent';
import { ApiError, get } from '../api/client';
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

/** A host with what its checks found that is not ok, the worst first. */
export type Failing = { agent: Agent; results: Result[] };

/** The worst hosts by the results of their checks, with the results. */
export function useFailing() {
  return useQuery({
    queryKey: ['agents', 'failing'],
    queryFn: async ({ signal }): Promise<Failing[]> => {
      const page = await get<Page>('/api/v1/agents', { sort: '-worst_result', limit: shown }, signal);
      const bad = page.items.filter((a) => (a.worst_result?.not_ok ?? 0) > 0 && a.state !== 'revoked');
      return Promise.all(bad.map(async (agent) => ({ agent, results: notOk(await resultsOf(agent.id, signal)) })));
    },
    placeholderData: keepPreviousData,
  });
}

async function resultsOf(id: string, signal: AbortSignal): Promise<Result[]> {
  try {
    return (await get<{ items: Result[] }>(`/api/v1/agents/${encodeURIComponent(id)}/results`, {}, signal)).items;
  } catch (err) {
    // Deleted since the list was read.
    if (err instanceof ApiError && err.status === 404) return [];
    throw err;
  }
}

export function notOk(results: Result[]): Result[] {
  return results
    .filter((r) => r.status !== 'ok')
    .sort((a, b) => statuses.indexOf(a.status) - statuses.indexOf(b.status) || a.check.localeCompare(b.check));
}
