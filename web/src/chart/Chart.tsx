import { useComputedColorScheme } from '@mantine/core';
import { type KeyboardEvent, type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { format, type Unit } from '../lib/number';
import { useZone } from '../ui/prefs';
import classes from './Chart.module.css';
import { Legend, last, nextHidden, WideLegend } from './Legend';
import { type Bounds, type Line, plotData, plotOptions, type Scale } from './plot';
import { showTip } from './tip';
import { inTurn } from './turns';
import { ValueTable } from './ValueTable';

export { nextHidden } from './Legend';

export type ChartProps = {
  /** What the chart shows, for people who cannot see it. */
  label: string;
  /** Unix seconds, ascending; every line has as many values. */
  times: number[];
  lines: Line[];
  unit?: Unit;
  span: { from: number; to: number };
  height?: number;
  stacked?: boolean;
  scale?: Scale;
  bounds?: Bounds;
  /** Charts with the same key share their cursor. */
  sync?: string;
  onZoom?: (from: number, to: number) => void;
  /** Show numbers instead of lines. */
  asTable?: boolean;
  /** Names below the chart, or a list with each line's lowest, mean and highest value. */
  legend?: boolean | 'wide';
};

/** Lines over time. Drag to zoom, point to read values, click a name to see it alone. */
export function Chart(props: ChartProps) {
  const { label, times, lines, unit = 'none', asTable, legend = true } = props;
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [cursor, setCursor] = useState<number | null>(null);
  if (asTable) return <ValueTable label={label} times={times} lines={lines} unit={unit} />;
  const choose = (name: string, add: boolean) => setHidden((h) => nextHidden(h, lines, name, add));
  const Names = legend === 'wide' ? WideLegend : Legend;
  return (
    <div>
      <Canvas {...props} hidden={hidden} onCursor={setCursor} />
      {legend && <Names lines={lines} unit={unit} cursor={cursor} hidden={hidden} choose={choose} />}
    </div>
  );
}

type CanvasProps = ChartProps & { hidden: ReadonlySet<string>; onCursor: (i: number | null) => void };

function Canvas(props: CanvasProps) {
  const { times, lines, unit = 'none', span, height = 180, stacked = false, scale = 'zero', sync, hidden } = props;
  const { bounds, label, onCursor } = props;
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  const [zone] = useZone();
  const [box, width] = useWidth();
  const tip = useRef<HTMLDivElement>(null);
  const plot = useRef<Drawn | null>(null);
  const dense = times.length > width;
  const shape = lines.map((l) => l.label + (l.color ?? '')).join('\n');
  const data = useMemo(() => plotData(times, lines, stacked, hidden), [times, lines, stacked, hidden]);
  // Drawn from a ref, so that new data or a new span needs no new canvas.
  const latest = useRef({ ...props, data });
  latest.current = { ...props, data };
  const drawn = useRef<{ data?: uPlot.AlignedData; from?: number; to?: number }>({});

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for lines, whose values the next effect draws.
  useEffect(() => {
    const host = box.current;
    if (!host || width === 0) return;
    const draw = () => {
      const now = latest.current;
      const spanNow = {
        get from() {
          return latest.current.span.from;
        },
        get to() {
          return latest.current.span.to;
        },
      };
      const timed = drawTimer();
      timed.begin();
      const u: uPlot = new uPlot(
        plotOptions({
          lines: now.lines,
          unit,
          zone,
          scheme,
          width,
          height,
          stacked,
          dense,
          scale,
          bounds: now.bounds ?? {},
          hidden,
          sync,
          span: spanNow,
          onDrawn: timed.end,
          onZoom: (from, to) => latest.current.onZoom?.(from, to),
          onCursor: (index, left) => {
            onCursor(left < 0 ? null : index);
            if (tip.current)
              showTip(tip.current, u, { index, left, zone, unit, hidden, scheme, lines: latest.current.lines });
          },
        }),
        now.data,
        host,
      );
      drawn.current = { data: now.data, from: now.span.from, to: now.span.to };
      plot.current = { u, timed };
    };
    // The first time in turn: a page shows many charts at once. Later at once, or it would be empty for a moment.
    const takeBack = drawn.current.data ? draw() : inTurn('draw', draw);
    return () => {
      takeBack?.();
      plot.current?.u.destroy();
      plot.current = null;
    };
  }, [
    box,
    shape,
    unit,
    zone,
    scheme,
    width,
    height,
    stacked,
    dense,
    scale,
    bounds?.min,
    bounds?.max,
    hidden,
    sync,
    onCursor,
  ]);

  useEffect(() => {
    const d = drawn.current;
    if (!plot.current || (d.data === data && d.from === span.from && d.to === span.to)) return;
    drawn.current = { data, from: span.from, to: span.to };
    plot.current.timed.begin();
    plot.current.u.setData(data);
  }, [data, span.from, span.to]);

  const walk = useWalk(plot, props.legend === 'wide');
  return (
    <div className={classes.box} style={{ height }}>
      <div ref={box} className={classes.canvas} role="img" aria-label={describe(label, lines, unit)} {...walk} />
      <div ref={tip} className={classes.tip} aria-live={walk ? 'polite' : undefined} aria-hidden={!walk} />
    </div>
  );
}

/** Leaves what drawing took in the browser's performance timeline, where benchmarks read it; the last hundred at most. */
function drawTimer() {
  let began: number | undefined;
  return {
    begin: () => {
      began = performance.now();
    },
    end: () => {
      if (began === undefined) return;
      if (performance.getEntriesByName(measured).length >= 100) performance.clearMeasures(measured);
      performance.measure(measured, { start: began });
      began = undefined;
    },
  };
}

const measured = 'picket:chart';

type Drawn = { u: uPlot; timed: ReturnType<typeof drawTimer> };

/** Lets the arrow keys move the cursor of a chart that is worth a stop of Tab; the values are read out. */
function useWalk(plot: RefObject<Drawn | null>, on: boolean) {
  if (!on) return undefined;
  const hide = () => plot.current?.u.setCursor({ left: -10, top: -10 });
  return {
    tabIndex: 0,
    onBlur: hide,
    onKeyDown: (e: KeyboardEvent) => {
      const u = plot.current?.u;
      const last = (u?.data[0].length ?? 0) - 1;
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }[e.key];
      if (e.key === 'Escape') hide();
      if (!u || step === undefined || last < 0) return;
      e.preventDefault();
      const from = u.cursor.idx ?? (step < 0 ? last + 1 : -1);
      const at = Math.max(0, Math.min(last, from + step));
      u.setCursor({ left: u.valToPos(u.data[0][at] ?? 0, 'x'), top: 0 }); // at the top: the highest values are nearest
    },
  };
}

/** A box and its width in whole pixels; 0 before it is laid out. */
function useWidth(): [RefObject<HTMLDivElement | null>, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!box.current) return;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return [box, width];
}

function describe(label: string, lines: Line[], unit: Unit): string {
  const few = lines.slice(0, 5).map((l) => `${l.label} ${format(last(l.values), unit)}`);
  return `${label}. Newest values: ${few.join(', ')}${lines.length > few.length ? ` and ${lines.length - few.length} more` : ''}`;
}
