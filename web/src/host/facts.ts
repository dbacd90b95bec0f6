import { format } from '../lib/number';

const acronyms: Record<string, string> = {
  cpu: 'CPU',
  cpus: 'CPUs',
  os: 'OS',
  id: 'id',
  ip: 'IP',
  mac: 'MAC',
  mtu: 'MTU',
  uuid: 'UUID',
  dns: 'DNS',
};

/** An attribute's or kind's name as people write it: "memory_bytes" -> "Memory". */
export function titleOf(name: string): string {
  const words = name.replace(/_(bytes|seconds|hertz|celsius)$/, '').split('_');
  const written = words.map((w) => acronyms[w] ?? w).join(' ');
  return written.charAt(0).toUpperCase() + written.slice(1);
}

/** An attribute's value as people read it; its name may tell its unit. */
export function factText(name: string, value: unknown): string {
  if (value === null || value === undefined || value === '') return '–';
  if (typeof value === 'number') {
    if (name.endsWith('_bytes')) return format(value, 'bytes');
    if (name.endsWith('_hertz')) return format(value, 'hertz');
    if (name.endsWith('_seconds')) return format(value, 'seconds');
    return String(value);
  }
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value) && value.every((v) => typeof v !== 'object')) return value.join(', ') || '–';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The attributes worth a column: those that most items have, in the order of the first that has them. */
export function factColumns(facts: { attributes?: unknown }[], most = 8): string[] {
  const counts = new Map<string, number>();
  for (const f of facts)
    for (const [k, v] of Object.entries((f.attributes ?? {}) as Record<string, unknown>))
      if (v !== null && v !== '') counts.set(k, (counts.get(k) ?? 0) + 1);
  const kept = new Set(
    [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, most)
      .map(([k]) => k),
  );
  return [...counts.keys()].filter((k) => kept.has(k));
}
