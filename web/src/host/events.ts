import { useQuery } from '@tanstack/react-query';
import { agentKeys } from '../agent/agent';
import { get } from '../api/client';
import type { Schema } from '../api/types';

type Event = Schema<'AgentEvent'>;

/** The newest events of an agent; `known` stand until more have come. */
export function useEvents(id: string, known: Event[]) {
  return useQuery({
    queryKey: [...agentKeys.one(id), 'events'],
    queryFn: async ({ signal }) =>
      (await get<{ items: Event[] }>(`/api/v1/agents/${encodeURIComponent(id)}/events`, { limit: 1000 }, signal)).items,
    placeholderData: known,
  });
}
