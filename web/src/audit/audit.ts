import { useInfiniteQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Schema } from '../api/types';
import { instant, parseDuration, parseInstant } from '../lib/time';
import { roleNames } from '../user/user';

export type AuditEntry = Schema<'AuditEntry'>;

/** What the log is asked for; `within` counts back from now and wins over since and until. */
export type AuditFilter = {
  actor?: string;
  action?: string;
  type?: string;
  target?: string;
  within?: string;
  since?: string;
  until?: string;
};

export const filterKeys = ['actor', 'action', 'type', 'target', 'within', 'since', 'until'] as const;

export function filterOf(params: URLSearchParams): AuditFilter {
  return Object.fromEntries(filterKeys.flatMap((k) => (params.get(k) ? [[k, params.get(k)]] : [])));
}

/** The parameters of the API for a filter at a time, in Unix seconds. */
export function queryOf(f: AuditFilter, now: number): Record<string, string | undefined> {
  const within = parseDuration(f.within ?? '');
  const time = (text?: string) => {
    const t = parseInstant(text ?? null);
    return t === undefined ? undefined : instant(t);
  };
  return {
    actor_id: f.actor,
    action: f.action,
    target_type: f.type,
    target_id: f.target,
    since: within ? instant(now - within) : time(f.since),
    until: within ? undefined : time(f.until),
  };
}

type AuditPage = { items: AuditEntry[]; next?: string };

/** The log, the newest first, page by page. While only the first page is read, it stays the newest. */
export function useAuditLog(filter: AuditFilter, fresh: boolean) {
  return useInfiniteQuery({
    queryKey: ['audit', filter],
    queryFn: ({ pageParam, signal }) =>
      get<AuditPage>(
        '/api/v1/audit-log',
        { ...queryOf(filter, Date.now() / 1000), limit: 100, after: pageParam },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    refetchInterval: (q) => (fresh && (q.state.data?.pages.length ?? 0) < 2 ? 10_000 : false),
  });
}

/** What each action did, for people. */
export const actions: Record<string, string> = {
  'agent.new': 'Host enrolled',
  'metric.import': 'Metrics imported',
  'agent.reinstall': 'Host enrolled again',
  'agent.clone': 'Clone of a host enrolled',
  'agent.revoke': 'Agent revoked',
  'agent.delete': 'Agent deleted',
  'enroll_token.create': 'Enrolment token made',
  'enroll_token.revoke': 'Enrolment token revoked',
  'token.create': 'API token made',
  'token.revoke': 'API token revoked',
  'session.create': 'Signed in',
  'session.end': 'Session ended',
  'login_link.create': 'Sign-in link made',
  'user.create': 'User added',
  'user.set_roles': 'Roles changed',
  'user.set_password': 'Password changed',
  'user.disable': 'User locked out',
  'user.enable': 'User let in again',
  'user.delete': 'User deleted',
};

export const targetTypes: Record<string, string> = {
  agent: 'agent',
  enroll_token: 'enrolment token',
  token: 'API token',
  session: 'session',
  login_link: 'sign-in link',
  user: 'user',
};

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** A detail as pairs of name and value, in its order; `time` writes the times in it. */
export function pairs(detail: unknown, time: (rfc3339: string) => string): [name: string, value: string][] {
  const text = (v: unknown): string => {
    if (Array.isArray(v)) return v.map(text).join(', ');
    if (typeof v === 'boolean') return v ? 'yes' : 'no';
    if (typeof v === 'string' && rfc3339.test(v)) return v.startsWith('0001-') ? 'never' : time(v);
    if (v === null || v === undefined || v === '') return '–';
    return typeof v === 'object' ? JSON.stringify(v) : String(v);
  };
  if (detail === null || typeof detail !== 'object') return detail === undefined ? [] : [['detail', text(detail)]];
  return Object.entries(detail).map(([k, v]) => [
    k.replaceAll('_', ' '),
    ['roles', 'from', 'to'].includes(k) && Array.isArray(v) ? roleNames(v.map(String)) : text(v),
  ]);
}

/** Who did it. Hosts enrol with a token, as nobody yet. */
export function actorName(e: AuditEntry): string {
  if (e.actor_name) return e.actor_name === 'anonymous' ? nobody(e) : e.actor_name;
  return e.actor_type === 'anonymous' ? nobody(e) : e.actor_type;
}

const nobody = (e: AuditEntry) => (e.target_type === 'agent' ? 'the host' : 'nobody known');

/** What an entry's target is called: by its detail, else by `names` of ids, else its id's end. */
export function targetName(e: AuditEntry, names: ReadonlyMap<string, string>): string {
  const d = (e.detail ?? {}) as Record<string, unknown>;
  for (const key of e.target_type === 'session' || e.target_type === 'login_link' ? ['user'] : ['instance', 'name']) {
    if (typeof d[key] === 'string') return d[key];
  }
  const id = e.target_id ?? '';
  return names.get(id) ?? (id ? id.slice(-8) : '–');
}
