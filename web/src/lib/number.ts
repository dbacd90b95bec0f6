const si = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
const iec = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** What a number counts: how people read it. `ratio` is 0 to 1, `seconds` durations, `bytes` binary multiples. */
export type Unit = 'none' | 'bytes' | 'bytes/s' | 'bits/s' | 'ratio' | 'seconds' | 'ops/s' | 'hertz' | 'celsius';

function scaled(v: number, base: number, names: string[], significant: number): [string, string] {
  let i = 0;
  let n = Math.abs(v);
  while (n >= base && i < names.length - 1) {
    n /= base;
    i++;
  }
  // 1023.9 B is 1 KiB, not 1024 B.
  if (Number(digits(n, significant)) >= base && i < names.length - 1) {
    n /= base;
    i++;
  }
  return [digits(Math.sign(v) * n, significant), names[i] ?? ''];
}

/** Three significant digits or more, without an exponent where people do not expect one. */
export function digits(v: number, significant = 3): string {
  if (v === 0) return '0';
  const n = Math.abs(v);
  if (n >= 1e15 || n < 1e-4) return v.toExponential(significant - 1);
  if (n >= 10 ** (significant - 1)) return String(Math.round(v));
  return String(Number(v.toPrecision(significant)));
}

function seconds(v: number, significant: number): string {
  const n = Math.abs(v);
  const of = (factor: number, name: string) => `${digits(v * factor, significant)} ${name}`;
  if (n === 0) return '0 s';
  if (n < 1e-6) return of(1e9, 'ns');
  if (n < 1e-3) return of(1e6, 'µs');
  if (n < 1) return of(1e3, 'ms');
  if (n < 120) return of(1, 's');
  if (n < 7200) return of(1 / 60, 'min');
  if (n < 172_800) return of(1 / 3600, 'h');
  return of(1 / 86_400, 'd');
}

/** Writes a value with its unit, e.g. 1536 bytes -> "1.5 KiB". NaN and absent values become "–". */
export function format(v: number | null | undefined, unit: Unit = 'none', significant = 3): string {
  if (v === null || v === undefined || Number.isNaN(v)) return '–';
  if (!Number.isFinite(v)) return v > 0 ? '∞' : '-∞';
  switch (unit) {
    case 'ratio':
      return `${digits(v * 100, significant)} %`;
    case 'seconds':
      return seconds(v, significant);
    case 'celsius':
      return `${digits(v, significant)} °C`;
    case 'bytes':
    case 'bytes/s': {
      const [n, m] = scaled(v, 1024, iec, significant);
      return `${n} ${m}${unit === 'bytes' ? 'B' : 'B/s'}`;
    }
    case 'bits/s':
    case 'hertz':
    case 'ops/s': {
      const [n, m] = scaled(v, 1000, si, significant);
      return `${n} ${m}${{ 'bits/s': 'bit/s', hertz: 'Hz', 'ops/s': '/s' }[unit]}`;
    }
    default: {
      const [n, m] = scaled(v, 1000, si, significant);
      return n + (m && ` ${m}`);
    }
  }
}

/** The unit that a metric's name tells by Prometheus' convention. A rate of a counter is per second. */
export function unitOf(name: string, rate = false): Unit {
  const base = name.replace(/_(total|sum|bucket|count)$/, '');
  if (base.endsWith('_bytes')) return rate ? 'bytes/s' : 'bytes';
  if (base.endsWith('_seconds')) return rate ? 'ratio' : 'seconds';
  if (base.endsWith('_ratio')) return 'ratio';
  if (base.endsWith('_celsius')) return 'celsius';
  if (base.endsWith('_hertz')) return 'hertz';
  return rate ? 'ops/s' : 'none';
}
