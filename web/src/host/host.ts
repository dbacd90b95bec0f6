import type { Agent, AgentDetail, AgentState } from '../agent/agent';
import { nameKey } from '../ui/DataTable';
import type { Numbers } from './numbers';
import { type Limited, type Severity, severityOf, severityOfResult, worse } from './severity';

/** A host of the list: its agent, its present numbers, and how much it asks for attention. */
export type Host = Agent & {
  numbers: Numbers;
  /** Of its numbers and checks. */
  severity: Severity;
  /** Higher is worse. */
  rank: number;
};

const numbered: Limited[] = ['cpu', 'memory', 'disk', 'load'];

const byState: Record<AgentState, number> = { down: 5, warn: 4, up: 0, never: 1, revoked: -1 };
const bySeverity: Record<Severity, number> = { critical: 3, warning: 2, ok: 0 };

/** How much a host asks for attention: silence first, then what is critical, then warnings; revoked ones last. */
export function rankOf(state: AgentState, severity: Severity): number {
  return state === 'up' ? bySeverity[severity] : byState[state];
}

const none: Numbers = {};

/** Joins agents with their numbers; who needs attention comes first, then by name. */
export function joinHosts(agents: Agent[], numbers: ReadonlyMap<string, Numbers> | undefined): Host[] {
  return agents
    .map((a) => {
      const n = (a.state === 'revoked' ? undefined : numbers?.get(a.instance)) ?? none;
      const all = [...numbered.map((kind) => severityOf(kind, n[kind])), severityOfResult(a.worst_result?.status)];
      const severity = all.reduce(worse);
      // Of hosts that are as bad, the one with more trouble is worse, by less than a rank.
      const more = all.reduce((sum, s) => sum + bySeverity[s], 0) / 100;
      const host: Host = { ...a, numbers: n, severity, rank: rankOf(a.state, severity) + more };
      return { host, name: nameKey(a.instance) };
    })
    .sort((a, b) => b.host.rank - a.host.rank || (a.name < b.name ? -1 : 1))
    .map(({ host }) => host);
}

export type HostFilter = { text: string; states: string[]; os: string; attention: boolean };

/** The lowest rank that asks for attention. */
const attention = 2;

export const asksForAttention = (h: Host) => h.rank >= attention;

/** Hosts that match; all words of the text must be part of the name, the system or the version. */
export function filterHosts(hosts: Host[], f: HostFilter): Host[] {
  const words = f.text.toLowerCase().split(/\s+/).filter(Boolean);
  return hosts.filter((h) => {
    if (f.states.length > 0 && !f.states.includes(h.state)) return false;
    if (f.os && h.os !== f.os) return false;
    if (f.attention && !asksForAttention(h)) return false;
    if (words.length === 0) return true;
    const text =
      `${h.instance} ${h.hostname} ${h.id} ${h.os} ${h.arch} ${h.version} ${h.remote_addr ?? ''}`.toLowerCase();
    return words.every((w) => text.includes(w));
  });
}

/** How many hosts are in each state, ask for attention, or run each operating system. */
export function countHosts(hosts: Host[]) {
  const states: Record<string, number> = {};
  const systems: Record<string, number> = {};
  let attention = 0;
  for (const h of hosts) {
    states[h.state] = (states[h.state] ?? 0) + 1;
    if (h.os) systems[h.os] = (systems[h.os] ?? 0) + 1;
    if (asksForAttention(h)) attention++;
  }
  return { states, systems, attention };
}

export const hostPath = (instance: string) => `/hosts/${encodeURIComponent(instance)}`;

/** All about one host's agent. */
export type OneHost = AgentDetail;

/** When the newest certificate that is good ends, in Unix milliseconds. */
export function certificateEnd(host: OneHost): number | undefined {
  const good = host.certificates.filter((c) => !c.revoked_at).map((c) => Date.parse(c.not_after));
  return good.length > 0 ? Math.max(...good) : undefined;
}
