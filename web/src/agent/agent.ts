import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, getAll, post, remove } from '../api/client';
import type { Schema } from '../api/types';
import { useUrlParams } from '../lib/url';
import { useNow } from '../live/live';

export type Agent = Schema<'Agent'>;
export type AgentDetail = Schema<'AgentDetail'>;
export type AgentState = Agent['state'];
export type EnrollToken = Schema<'EnrollToken'>;
export type NewEnrollToken = Schema<'NewEnrollToken'>;
export type NewEnrollTokenResult = Schema<'NewEnrollTokenResult'>;

export const agentKeys = {
  all: ['agents'] as const,
  list: ['agents', 'list'] as const,
  few: ['agents', 'few'] as const,
  one: (id: string) => ['agents', 'one', id] as const,
  facts: (id: string, kind: string) => ['agents', 'facts', id, kind] as const,
  tokens: ['enroll-tokens'] as const,
};

const path = (id: string) => `/api/v1/agents/${encodeURIComponent(id)}`;

/** The first agents whose instance, hostname or id contains the text. */
export async function findAgents(text: string, limit: number, signal?: AbortSignal): Promise<Agent[]> {
  return (await get<{ items: Agent[] }>('/api/v1/agents', { text, limit }, signal)).items;
}

/** How often agents are asked for though nothing is announced, in milliseconds: that they were heard of never is. */
function useHeard(): number | false {
  const [params] = useUrlParams();
  return params.get('live') === 'off' ? false : 15_000;
}

/** All agents by instance. */
export const agentsQuery = queryOptions({
  queryKey: agentKeys.list,
  queryFn: ({ signal }) => getAll<Agent>('/api/v1/agents', {}, signal),
});

export function useAgents() {
  return useQuery({ ...agentsQuery, refetchInterval: useHeard() });
}

/** One agent by its id or instance. */
export const agentQuery = (id: string) =>
  queryOptions({
    queryKey: agentKeys.one(id),
    queryFn: ({ signal }) => get<AgentDetail>(path(id), {}, signal),
  });

export function useAgent(id: string) {
  return useQuery({ ...agentQuery(id), refetchInterval: useHeard() });
}

/** How long the first numbers of a new host are awaited, in milliseconds. */
const youth = 120_000;

/** Whether an agent was enrolled so lately that its numbers are shown as they come. */
export const isYoung = (a: Agent, now: number) => now - Date.parse(a.enrolled_at) < youth;

/** Of how many agents it is asked whether one is young: among more there are numbers to look at. */
const few = 10;

/** Whether one of the agents is young, when there are only a few. */
export function useYoung(agents: number): boolean {
  const now = useNow();
  const { data } = useQuery({
    queryKey: agentKeys.few,
    queryFn: ({ signal }) => findAgents('', few, signal),
    enabled: agents <= few,
  });
  return agents <= few && (data ?? []).some((a) => isYoung(a, now));
}

/** What an agent's host is made of, of one kind ("os", "cpu", "interface", …). */
export function useFacts(id: string, kind: string) {
  return useQuery({
    queryKey: agentKeys.facts(id, kind),
    queryFn: ({ signal }) => getAll<Schema<'Fact'>>(`${path(id)}/facts`, { kind }, signal),
    enabled: id !== '',
  });
}

/** What became of a change to several agents: how many it reached, and why not the others. */
export type Outcome = { done: number; failed: { agent: Agent; error: unknown }[] };

/** Does one thing to agents, a few at a time. */
async function each(agents: Agent[], act: (a: Agent) => Promise<unknown>): Promise<Outcome> {
  const out: Outcome = { done: 0, failed: [] };
  const waiting = [...agents];
  const worker = async () => {
    for (let agent = waiting.shift(); agent; agent = waiting.shift()) {
      try {
        await act(agent);
        out.done++;
      } catch (error) {
        out.failed.push({ agent, error });
      }
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  return out;
}

/** Shuts agents out for good. */
export function useRevokeAgents() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ agents, reason }: { agents: Agent[]; reason: string }) =>
      each(agents, (a) => post(`${path(a.id)}/revoke`, { reason })),
    onSettled: () => void client.invalidateQueries({ queryKey: agentKeys.all }),
  });
}

/** Forgets revoked agents. */
export function useDeleteAgents() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ agents }: { agents: Agent[] }) => each(agents, (a) => remove(path(a.id))),
    onSettled: () => void client.invalidateQueries({ queryKey: agentKeys.all }),
  });
}

export function useEnrollTokens(enabled = true) {
  return useQuery({
    queryKey: agentKeys.tokens,
    queryFn: ({ signal }) => getAll<EnrollToken>('/api/v1/enroll-tokens', {}, signal),
    enabled,
  });
}

/** Makes a token that enrols hosts; its secret is in the answer and nowhere else afterwards. */
export function useCreateEnrollToken() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: NewEnrollToken) => post<NewEnrollTokenResult>('/api/v1/enroll-tokens', body),
    onSuccess: () => void client.invalidateQueries({ queryKey: agentKeys.tokens }),
  });
}

export function useRevokeEnrollToken() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => remove(`/api/v1/enroll-tokens/${encodeURIComponent(id)}`),
    onSuccess: () => void client.invalidateQueries({ queryKey: agentKeys.tokens }),
  });
}
