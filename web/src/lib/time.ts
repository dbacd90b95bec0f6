/** A span of time to look at, in Unix seconds; `range` is set when it moves with the present. */
export type Span = { from: number; to: number; range?: number };

const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Reads a duration as Prometheus writes them ("90s", "1h30m", "2w") into seconds; undefined if it is none. */
export function parseDuration(text: string): number | undefined {
  const t = text.trim();
  if (!/^(\d+[smhdw])+$/.test(t)) return undefined;
  let sum = 0;
  for (const [, n, u] of t.matchAll(/(\d+)([smhdw])/g)) sum += Number(n) * (units[u ?? ''] ?? 0);
  return sum > 0 ? sum : undefined;
}

/** Writes seconds as Prometheus writes durations, e.g. 5400 -> "1h30m". */
export function formatDuration(seconds: number): string {
  let rest = Math.round(seconds);
  let out = '';
  for (const [u, n] of [
    ['w', 604_800],
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    if (rest >= n) {
      out += Math.floor(rest / n) + u;
      rest %= n;
    }
  }
  return out || '0s';
}

/** The times of the URL: ?range=1h counts back from now; ?from=…&to=… are fixed, Unix seconds or RFC 3339. */
export function spanOf(params: URLSearchParams, now: number, initial = 3600): Span {
  const from = parseInstant(params.get('from'));
  const to = parseInstant(params.get('to'));
  if (from !== undefined && to !== undefined && from < to) return { from, to };
  const range = parseDuration(params.get('range') ?? '') ?? initial;
  return { from: now - range, to: now, range };
}

export function parseInstant(text: string | null): number | undefined {
  if (!text) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

/** The time of day that RFC 3339 gives for a Unix time, to the second. */
export function instant(seconds: number): string {
  return new Date(Math.round(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}

/** A step for about `points` points that divides into minutes, hours and days, never below the sampling interval of 10 s. */
export function stepFor(seconds: number, points = 360, least = 10): number {
  const wanted = Math.max(seconds / points, least);
  const nice = [
    1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400,
  ];
  return nice.find((n) => n >= wanted) ?? Math.ceil(wanted / 86_400) * 86_400;
}

export type Zone = 'local' | 'UTC';

const formats = new Map<string, Intl.DateTimeFormat>();

/** Writes a time in the zone that people chose: date and time, or parts of it. */
export function formatTime(ms: number, zone: Zone, parts: 'full' | 'time' | 'minute' | 'date' = 'full'): string {
  const key = zone + parts;
  let f = formats.get(key);
  if (!f) {
    const date = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
    const minute = { hour: '2-digit', minute: '2-digit' } as const;
    const time = { ...minute, second: '2-digit' } as const;
    const of = { full: { ...date, ...time }, time, minute: { ...date, ...minute }, date }[parts];
    f = new Intl.DateTimeFormat('sv-SE', { ...of, timeZone: zone === 'UTC' ? 'UTC' : undefined });
    formats.set(key, f);
  }
  return f.format(ms);
}

/** How long ago, in words as short as they can be: "12 s", "3 min", "5 h", "2 d". */
export function since(ms: number, now: number): string {
  const s = Math.max(0, Math.round((now - ms) / 1000));
  if (s < 100) return `${s} s`;
  if (s < 6000) return `${Math.round(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86_400)} d`;
}
