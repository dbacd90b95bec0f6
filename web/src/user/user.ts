import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getAll, patch, post, put, remove } from '../api/client';
import type { Schema } from '../api/types';
import { sessionKeys } from '../session/session';

export type User = Schema<'User'>;
export type NewUser = Schema<'NewUser'>;
export type UserChange = Schema<'UserChange'>;
export type UserRole = User['roles'][number];

/** What each role is called and what it lets people do. */
export const roles: { role: UserRole; name: string; may: string }[] = [
  { role: 'viewer', name: 'Viewer', may: 'sees hosts, metrics and the fleet; changes nothing' },
  { role: 'operator', name: 'Operator', may: 'as Viewer; enrols and revokes hosts, and sends metrics by remote write' },
  { role: 'service_desk', name: 'Service desk', may: 'for people who answer calls; so far it allows what Viewer does' },
  { role: 'check_author', name: 'Check author', may: 'for people who write checks; so far it allows what Viewer does' },
  { role: 'admin', name: 'Admin', may: 'everything, with users, all API tokens and the audit log' },
];

export function roleNames(of: readonly string[]): string {
  return of.map((r) => roles.find((k) => k.role === r)?.name ?? r).join(', ');
}

/** The rule for passwords: what is wrong with this one, nothing when it will do. */
export function passwordProblem(password: string): string | undefined {
  if ([...password].length < 12) return 'At least 12 characters';
  if (new TextEncoder().encode(password).length > 1024) return 'At most 1024 bytes';
  return undefined;
}

/** A password of 24 random letters and digits, without those that look alike. */
export function makePassword(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  return Array.from(crypto.getRandomValues(new Uint8Array(24)), (b) => letters[b % 32]).join('');
}

export const userKeys = { all: ['users'] as const };

const path = (id: string) => `/api/v1/users/${encodeURIComponent(id)}`;

/** All users by name; for admins. */
export function useUsers(enabled = true) {
  return useQuery({
    queryKey: userKeys.all,
    queryFn: ({ signal }) => getAll<User>('/api/v1/users', {}, signal),
    enabled,
  });
}

/** A change to users, after which their list and oneself are read anew. */
function useChange<V, R>(mutationFn: (v: V) => Promise<R>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn,
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: userKeys.all });
      void client.invalidateQueries({ queryKey: sessionKeys.me });
    },
  });
}

export const useCreateUser = () => useChange((body: NewUser) => post<User>('/api/v1/users', body));

/** Changes roles, or locks out; what is absent stays. */
export const useChangeUser = () =>
  useChange(({ id, ...body }: UserChange & { id: string }) => patch<User>(path(id), body));

/** Gives a user a new password, which ends its sessions. */
export const useSetPassword = () =>
  useChange(({ id, password }: { id: string; password: string }) => put(`${path(id)}/password`, { password }));

export const useDeleteUser = () => useChange((id: string) => remove(path(id)));
