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

/** Bounds of the value axis: a ratio never leaves room above 1 unless it goes there. */
export type Bounds = { min?: number; max?: number };

type Settings = {
  lines: Line[];
  unit: Unit;
  zone: Zone;
  scheme: Scheme;
  width: number;
  height: number;
  stacked: boolean;
  bounds: Bounds;
  hidden: ReadonlySet<string>;
  sync?: string;
  span: { from: number; to: number };
  onZoom?: (from: number, to: number) => void;
  onCursor: (index: number | null, left: number) => void;
};

/** What uPlot draws: times, then one array per line, stacked from the bottom where asked. */
export function plotData(
  times: number[],
  lines: Line[],
  stacked: boolean,
  hidden: ReadonlySet<string>,
): uPlot.AlignedData {
  if (!stacked) return [times, ...lines.map((l) => l.values)];
  const sum = new Array<number>(times.length).fill(0);
  return [
    times,
    ...lines.map((l) =>
      hidden.has(l.label)
        ? l.values.map(() => null)
        : l.values.map((v, i) => {
            sum[i] = (sum[i] ?? 0) + (v ?? 0);
            return v === null ? null : (sum[i] as number);
          }),
    ),
  ];
}

export function plotOptions(s: Settings): uPlot.Options {
  const text = s.scheme === 'dark' ? '#c9c9c9' : '#495057';
  const grid = s.scheme === 'dark' ? 'rgba(255,255,255,.08)' : 'rgba(0,0,0,.07)';
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
    cursor: {
      sync: s.sync ? { key: s.sync, setSeries: false } : undefined,
      drag: { x: true, y: false, setScale: false },
      points: { size: 5 },
      y: false,
    },
    scales: {
      x: { range: () => [s.span.from, s.span.to] },
      y: { range: (_u, min, max) => range(min, max, s.unit, s.bounds) },
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
        values: (_u, at) => at.map((v) => format(v, s.unit)),
        splits: s.unit === 'bytes' ? byteSplits : undefined,
      },
    ],
    series: [
      {},
      ...s.lines.map((l, i): uPlot.Series => {
        const stroke = l.color ?? colorOf(i, s.scheme);
        return {
          label: l.label,
          stroke,
          width: 1.5,
          show: !s.hidden.has(l.label),
          fill: s.stacked ? `${stroke}55` : undefined,
          points: { show: sparse(l.values), size: 4 },
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
      setCursor: [(u) => s.onCursor(u.cursor.idx ?? null, u.cursor.left ?? -1)],
    },
  };
}

/** A line of single points with gaps around them would be invisible without dots. */
function sparse(values: (number | null)[]): boolean {
  let alone = 0;
  for (let i = 0; i < values.length && alone < 1; i++)
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) alone++;
  return alone > 0;
}

function range(min: number | null, max: number | null, unit: Unit, b: Bounds): [number, number] {
  let lo = b.min ?? Math.min(min ?? 0, 0);
  let hi = b.max ?? Math.max(max ?? 1, 0);
  if (unit === 'ratio' && b.max === undefined && hi > 0.5 && hi <= 1) hi = 1;
  if (hi <= lo) hi = lo + 1;
  if (b.max === undefined && !(unit === 'ratio' && hi === 1)) hi += (hi - lo) * 0.06;
  if (lo < 0 && b.min === undefined) lo -= (hi - lo) * 0.06;
  return [lo, hi];
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
