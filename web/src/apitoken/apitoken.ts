import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getAll, post, remove } from '../api/client';
import type { Schema } from '../api/types';

export type ApiToken = Schema<'Token'>;
export type NewApiToken = Schema<'NewToken'>;
export type NewApiTokenResult = Schema<'NewTokenResult'>;

export const apiTokenKeys = { all: ['api-tokens'] as const, list: (all: boolean) => ['api-tokens', all] as const };

/** One's own API tokens, or those of all users, the newest first. */
export function useApiTokens(all: boolean) {
  return useQuery({
    queryKey: apiTokenKeys.list(all),
    queryFn: ({ signal }) => getAll<ApiToken>('/api/v1/api-tokens', { all: all || undefined }, signal),
  });
}

/** Makes an API token; its secret is in the answer and nowhere else afterwards. */
export function useCreateApiToken() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: NewApiToken) => post<NewApiTokenResult>('/api/v1/api-tokens', body),
    onSuccess: () => void client.invalidateQueries({ queryKey: apiTokenKeys.all }),
  });
}

export function useRevokeApiToken() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => remove(`/api/v1/api-tokens/${encodeURIComponent(id)}`),
    onSuccess: () => void client.invalidateQueries({ queryKey: apiTokenKeys.all }),
  });
}

/** Whether a token works at a time, and why not. */
export function apiTokenState(t: ApiToken, now: number): 'valid' | 'expired' | 'revoked' {
  if (t.revoked_at) return 'revoked';
  return t.expires_at && Date.parse(t.expires_at) <= now ? 'expired' : 'valid';
}

/** How a program uses the token, for a shell. The secret does not become an argument that other users could see. */
export function curlExample(origin: string, secret: string): string {
  return [
    `export PICKET_TOKEN=${secret}`,
    `curl -H @- ${origin}/api/v1/agents <<<"Authorization: Bearer $PICKET_TOKEN"`,
  ].join('\n');
}
