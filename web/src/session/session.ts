import { type QueryClient, queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ApiError, get, post, put, remove } from '../api/client';
import type { Schema } from '../api/types';

export type Me = Schema<'Me'>;
export type Role = Me['roles'][number];
export type LoginResult = Schema<'LoginResult'>;

export type Session = Schema<'Session'>;

export const sessionKeys = { me: ['me'] as const, list: ['sessions'] as const, password: ['password'] as const };

/** Who is signed in; null when nobody is. */
export const meQuery = (client: QueryClient) =>
  queryOptions({
    queryKey: sessionKeys.me,
    queryFn: async ({ signal }): Promise<Me | null> => {
      try {
        return await get<Me>('/api/v1/me', {}, signal);
      } catch (err) {
        // While the password changes there is no session for a moment: that is no reason to leave.
        const changing = client.isMutating({ mutationKey: sessionKeys.password }) > 0;
        if (err instanceof ApiError && err.status === 401 && !changing) return null;
        throw err;
      }
    },
    staleTime: 5 * 60_000,
  });

export function useMe() {
  return useQuery(meQuery(useQueryClient()));
}

/** Whether a user with these roles may do what asks for `wanted`: as collector/access decides, which decides in the end. */
export function allows(roles: readonly Role[] | undefined, wanted: Role): boolean {
  if (!roles) return false;
  return roles.includes('admin') || roles.includes(wanted) || (wanted === 'viewer' && roles.length > 0);
}

/** Whether the user who is signed in may do what asks for `role`. */
export function useMay(role: Role): boolean {
  return allows(useMe().data?.roles, role);
}

export function useLogin() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { name: string; password: string }) => post<LoginResult>('/api/v1/login', body),
    onSuccess: () => client.invalidateQueries({ queryKey: sessionKeys.me }),
  });
}

/** Signs in with the secret of a link that works once. */
export function useLoginLink() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (secret: string) => post<LoginResult>('/api/v1/login-link', { secret }),
    onSuccess: () => client.invalidateQueries({ queryKey: sessionKeys.me }),
  });
}

export function useLogout() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => post('/api/v1/logout'),
    onSuccess: () => {
      client.setQueryData(sessionKeys.me, null);
      client.removeQueries({ predicate: (q) => q.queryKey[0] !== 'me' });
    },
  });
}

/** One's own sessions, the newest first. */
export function useSessions() {
  return useQuery({
    queryKey: sessionKeys.list,
    queryFn: async ({ signal }) => (await get<{ items: Session[] }>('/api/v1/sessions', {}, signal)).items,
  });
}

/** Ends sessions. One that was over already is no error. */
export function useEndSessions() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (ids: string[]) => {
      for (const id of ids) {
        try {
          await remove(`/api/v1/sessions/${encodeURIComponent(id)}`);
        } catch (err) {
          if (!(err instanceof ApiError) || err.status !== 404) throw err;
        }
      }
    },
    onSettled: () => void client.invalidateQueries({ queryKey: sessionKeys.list }),
  });
}

/** Changes one's own password. That ends all sessions, so a new one is begun with it. */
export function useChangePassword() {
  const client = useQueryClient();
  return useMutation({
    mutationKey: sessionKeys.password,
    mutationFn: async ({ name, present, next }: { name: string; present: string; next: string }) => {
      await put('/api/v1/me/password', { present, next });
      await post<LoginResult>('/api/v1/login', { name, password: next });
    },
    onSettled: () => {
      void client.invalidateQueries({ queryKey: sessionKeys.me });
      void client.invalidateQueries({ queryKey: sessionKeys.list });
    },
  });
}
