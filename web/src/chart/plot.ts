import uPlot from 'uplot';
import { format, type Unit } from '../lib/number';
import { formatTime, type Zone } from '../lib/time';

/** One line of a chart: its values stand at the chart's times; null is a gap. */
export type Line = { label: string; values: (number | null)[]; color?: string };

/** Colours that can be told apart on light and dark, also by most who do not see all colours (Okabe and Ito's, adjusted). */
const colors = {
  light: ['#0b6b62', '#c25100', '#3a5ccc', '#a3218a', '#7a6a00', '#0077a8', '#b3261e', '#4b7a12', '#7048b6', '#5f5f5f'],
  dark: ['#4fd1bf', '#ff9d4d', '#8ea6ff', '#f07fd8', '#e0cc4e', '#5cc4f0', '#ff8a80', '#a5d65c', '#b69cff', '#c0c0c0'],
};

export type Scheme = keyof typeof colors;

export const colorOf = (i: number, scheme: Scheme) => colors[scheme][i % colors[scheme].length] as string;

/** The same in CSS, for both schemes. */
export const cssColor = (i: number) => `light-dark(${colorOf(i, 'light')}, ${colorOf(i, 'dark')})`;

/** Bounds of the value axis: a ratio never leaves room above 1 unless it goes there. */
export type Bounds = { min?: number; max?: number };

/** How values become heights: from zero, from the lowest to the highest value, or each power as high as the next. */
export type Scale = 'zero' | 'fit' | 'log';

/** How near in pixels the pointer must be to a line to mean it. */
export const near = 30;

/** Up to how many values the other lines are dimmed when the pointer is near one: that draws all of them again. */
const dimmable = 200_000;

type Settings = {
  lines: Line[];
  unit: Unit;
  zone: Zone;
  scheme: Scheme;
  width: number;
  height: number;
  stacked: boolean;
  /** Whether there are more points than pixels: thin lines, which are drawn many times faster, show as much. */
  dense: boolean;
  scale: Scale;
  bounds: Bounds;
  hidden: ReadonlySet<string>;
  sync?: string;
  span: { from: number; to: number };
  onZoom?: (from: number, to: number) => void;
  onCursor: (index: number | null, left: number) => void;
  onDrawn: () => void;
};

/** What uPlot draws: times, then one array per line, stacked from the bottom where asked. */
export function plotData(
  times: number[],
  lines: Line[],
  stacked: boolean,
  hidden: ReadonlySet<string>,
): uPlot.AlignedData {
  if (!stacked) return [times, ...lines.map((l) => l.values)];
  const sum = new Float64Array(times.length);
  return [times, ...lines.map((l) => (hidden.has(l.label) ? nothing(times.length) : onTop(sum, l.values)))];
}

const nothing = (length: number) => new Array<number | null>(length).fill(null);

/** Adds values to the sums below them; returns where they reach. */
function onTop(sum: Float64Array, values: (number | null)[]): (number | null)[] {
  const out = new Array<number | null>(sum.length);
  for (let i = 0; i < sum.length; i++) {
    const v = values[i] ?? null;
    sum[i] = (sum[i] as number) + (v ?? 0);
    out[i] = v === null ? null : (sum[i] as number);
  }
  return out;
}

export function plotOptions(s: Settings): uPlot.Options {
  const text = s.scheme === 'dark' ? '#c9c9c9' : '#495057';
  const grid = s.scheme === 'dark' ? 'rgba(255,255,255,.08)' : 'rgba(0,0,0,.07)';
  const log = s.scale === 'log' && !s.stacked;
  const base = s.unit.startsWith('bytes') ? 2 : 10;
  const values = s.lines.reduce((n, l) => n + l.values.length, 0);
  const axis = {
    stroke: text,
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return {
    width: s.width,
    height: s.height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    tzDate: s.zone === 'UTC' ? (ts) => uPlot.tzDate(new Date(ts * 1000), 'Etc/UTC') : undefined,
    focus: { alpha: 0.25 },
    cursor: {
      sync: s.sync ? { key: s.sync, setSeries: false } : undefined,
      drag: { x: true, y: false, setScale: false },
      focus: { prox: s.lines.length > 1 && values <= dimmable ? near : -1 },
      points: { size: 5, one: s.lines.length > 20 },
      y: false,
    },
    scales: {
      x: { range: () => [s.span.from, s.span.to] },
      y: log
        ? { distr: 3, log: base, range: (_u, min, max) => logRange(min, max, base) }
        : { range: (_u, min, max) => range(min, max, s) },
    },
    axes: [
      {
        ...axis,
        space: 70,
        size: 28,
        values: (_u, at, _axis, _space, step) => at.map((t) => timeLabel(t, step, s.zone)),
      },
      {
        ...axis,
        space: 32,
        size: (_u, values) => axisWidth(values),
        values: (_u, at) => (log ? at.map((v) => format(v, s.unit)) : ticks(at, s.unit)),
        splits: log ? (_u, _axis, min, max) => logSplits(min, max, base) : base === 2 ? byteSplits : undefined,
        filter: log ? (_u, splits) => splits : undefined,
      },
    ],
    series: [
      {},
      ...s.lines.map((l, i): uPlot.Series => {
        const stroke = l.color ?? colorOf(i, s.scheme);
        return {
          label: l.label,
          stroke,
          width: s.dense ? 1 / devicePixelRatio : 1.5,
          show: !s.hidden.has(l.label),
          fill: s.stacked ? `${stroke}55` : undefined,
          // A line of single points with gaps around them would be invisible without dots.
          points: {
            show: (u, n) => alone(u.data[n] as Line['values']).length > 0,
            filter: (u, n, show) => (show ? alone(u.data[n] as Line['values']) : null),
            size: 4,
          },
          spanGaps: false,
        };
      }),
    ],
    bands: s.stacked ? s.lines.slice(1).map((_, i) => ({ series: [i + 2, i + 1] as [number, number] })) : undefined,
    hooks: {
      setSelect: [
        (u) => {
          if (u.select.width > 4)
            s.onZoom?.(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x'));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      draw: [s.onDrawn],
      setCursor: [(u) => s.onCursor(u.cursor.idx ?? null, u.cursor.left ?? -1)],
    },
  };
}

const known = new WeakMap<Line['values'], number[]>();

/** The places of values that have none beside them. */
export function alone(values: Line['values']): number[] {
  const before = known.get(values);
  if (before) return before;
  const out: number[] = [];
  for (let i = 0; i < values.length; i++)
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) out.push(i);
  known.set(values, out);
  return out;
}

export function range(
  min: number | null,
  max: number | null,
  { unit, bounds: b, scale = 'zero' }: { unit: Unit; bounds: Bounds; scale?: Scale },
): [number, number] {
  const zero = scale !== 'fit' || min === null || max === null;
  let lo = b.min ?? (zero ? Math.min(min ?? 0, 0) : min);
  let hi = b.max ?? (zero ? Math.max(max ?? 1, 0) : max);
  if (!zero && hi === lo) [lo, hi] = [lo - (Math.abs(lo) || 1) * 0.1, hi + (Math.abs(hi) || 1) * 0.1];
  const whole = zero && unit === 'ratio' && b.max === undefined && hi > 0.5 && hi <= 1;
  if (whole) hi = 1;
  if (hi <= lo) hi = lo + 1;
  const room = (hi - lo) * 0.06;
  if (b.max === undefined && !whole) hi += room;
  if (b.min === undefined && (lo < 0 || !zero)) lo -= room;
  return [lo, hi];
}

/** From the power at or below the lowest positive value to a little above the highest; at most 12 tenfold steps. */
export function logRange(min: number | null, max: number | null, base: number): [number, number] {
  const top = max !== null && max > 0 ? max : 1;
  const low = min !== null && min > 0 ? Math.min(min, top) : top / base;
  const floor = base ** Math.floor(Math.log(Math.max(low, top / 1e12)) / Math.log(base) + 1e-9);
  return [floor, Math.max(top * 1.15, floor * base)];
}

/** Ticks at powers, not more than eight; at 2 and 5 times powers of ten too while these are few. */
export function logSplits(min: number, max: number, base: number): number[] {
  const first = Math.ceil(Math.log(min) / Math.log(base) - 1e-9);
  const last = Math.floor(Math.log(max) / Math.log(base) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / 8));
  const out: number[] = [];
  for (let e = first; e <= last; e += every)
    for (const m of base === 10 && last - first < 3 ? [1, 2, 5] : [1]) {
      const v = Number((m * base ** e).toPrecision(12));
      if (v <= max) out.push(v);
    }
  return out;
}

/** Writes ticks with as many digits as their distance asks for, 3 at least. */
export function ticks(at: number[], unit: Unit): string[] {
  const most = Math.max(...at.map(Math.abs));
  const step = Math.abs((at[1] ?? 0) - (at[0] ?? 0)) || most;
  const quarter = step.toExponential().startsWith('2.5') ? 1 : 0;
  const significant = Math.ceil(Math.log10(most / step)) + 1 + quarter;
  return at.map((v) => format(v, unit, Math.max(3, Math.min(9, significant || 3))));
}

function axisWidth(values: string[] | null): number {
  const longest = Math.max(4, ...(values ?? []).map((v) => v.length));
  return longest * 6.4 + 14;
}

/** Ticks at powers of two, so that bytes read 512 MiB and 1 GiB and not 477 MiB. */
function byteSplits(_u: uPlot, _axis: number, min: number, max: number): number[] {
  const wanted = (max - min) / 4;
  let step = 2 ** Math.max(0, Math.ceil(Math.log2(wanted)));
  if (step > wanted * 1.7) step /= 2;
  const out: number[] = [];
  for (let v = Math.ceil(min / step) * step; v <= max && out.length < 12; v += step) out.push(v);
  return out;
}

function timeLabel(t: number, step: number, zone: Zone): string {
  if (step >= 86_400) return formatTime(t * 1000, zone, 'date').slice(5);
  if (step >= 60) {
    const minute = formatTime(t * 1000, zone, 'minute');
    return minute.endsWith('00:00') ? minute.slice(5, 10) : minute.slice(11);
  }
  return formatTime(t * 1000, zone, 'time');
}
