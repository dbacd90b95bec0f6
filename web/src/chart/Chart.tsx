import { Box, Table, Text, UnstyledButton, useComputedColorScheme } from '@mantine/core';
import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { format, type Unit } from '../lib/number';
import { formatTime } from '../lib/time';
import { useZone } from '../ui/prefs';
import classes from './Chart.module.css';
import { type Bounds, colorOf, type Line, plotData, plotOptions } from './plot';

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
  bounds?: Bounds;
  /** Charts with the same key share their cursor. */
  sync?: string;
  onZoom?: (from: number, to: number) => void;
  /** Show numbers instead of lines. */
  asTable?: boolean;
  legend?: boolean;
};

/** Lines over time. Drag to zoom, point to read values, click a name to see it alone. */
export function Chart(props: ChartProps) {
  const { label, times, lines, unit = 'none', asTable, legend = true } = props;
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [cursor, setCursor] = useState<number | null>(null);
  if (asTable) return <ValueTable label={label} times={times} lines={lines} unit={unit} />;
  const choose = (name: string, add: boolean) => setHidden((h) => nextHidden(h, lines, name, add));
  return (
    <Box>
      <Canvas {...props} hidden={hidden} onCursor={setCursor} />
      {legend && <Legend lines={lines} unit={unit} cursor={cursor} hidden={hidden} choose={choose} />}
    </Box>
  );
}

/** Which lines to hide after a click: alone, then all again; with ctrl one more or less. */
export function nextHidden(
  hidden: ReadonlySet<string>,
  lines: { label: string }[],
  name: string,
  add: boolean,
): ReadonlySet<string> {
  const others = lines.map((l) => l.label).filter((l) => l !== name);
  if (add) {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    return next.size >= lines.length ? new Set() : next;
  }
  const alone = !hidden.has(name) && others.every((o) => hidden.has(o));
  return new Set(alone ? [] : others);
}

function Canvas({
  times,
  lines,
  unit = 'none',
  span,
  height = 180,
  stacked = false,
  bounds,
  sync,
  onZoom,
  label,
  hidden,
  onCursor,
}: ChartProps & { hidden: ReadonlySet<string>; onCursor: (i: number | null) => void }) {
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  const [zone] = useZone();
  const [box, width] = useWidth();
  const tip = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  // Drawn from refs, so that new data or a new span needs no new canvas.
  const latest = useRef({ lines, times, span, onZoom, bounds });
  latest.current = { lines, times, span, onZoom, bounds };
  const shape = lines.map((l) => l.label + (l.color ?? '')).join('\n');
  const data = useMemo(() => plotData(times, lines, stacked, hidden), [times, lines, stacked, hidden]);
  const dataNow = useRef(data);
  dataNow.current = data;

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for lines, whose values the next effect draws.
  useEffect(() => {
    const host = box.current;
    if (!host || width === 0) return;
    const now = latest.current;
    const spanNow = {
      get from() {
        return latest.current.span.from;
      },
      get to() {
        return latest.current.span.to;
      },
    };
    const u = new uPlot(
      plotOptions({
        lines: now.lines,
        unit,
        zone,
        scheme,
        width,
        height,
        stacked,
        bounds: now.bounds ?? {},
        hidden,
        sync,
        span: spanNow,
        onZoom: (from, to) => latest.current.onZoom?.(from, to),
        onCursor: (i, left) => {
          onCursor(left < 0 ? null : i);
          showTip(tip.current, u, i, left, zone);
        },
      }),
      dataNow.current,
      host,
    );
    plot.current = u;
    return () => {
      plot.current = null;
      u.destroy();
    };
  }, [box, shape, unit, zone, scheme, width, height, stacked, hidden, sync, onCursor]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the span is read through a ref; its change must draw again.
  useEffect(() => plot.current?.setData(data), [data, span.from, span.to]);

  return (
    <div className={classes.box} style={{ height }}>
      <div ref={box} className={classes.canvas} role="img" aria-label={describe(label, lines, unit)} />
      <div ref={tip} className={classes.tip} aria-hidden />
    </div>
  );
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

function showTip(tip: HTMLDivElement | null, u: uPlot, index: number | null, left: number, zone: 'local' | 'UTC') {
  if (!tip) return;
  const t = index === null ? undefined : u.data[0][index];
  if (t === undefined || left < 0) {
    tip.style.display = 'none';
    return;
  }
  tip.textContent = formatTime(t * 1000, zone);
  tip.style.display = 'block';
  const at = u.bbox.left / devicePixelRatio + left;
  tip.style.left = `${Math.max(0, Math.min(at - 60, u.width - 126))}px`;
}

const last = (values: (number | null)[]) => values.findLast((v) => v !== null);

function describe(label: string, lines: Line[], unit: Unit): string {
  const few = lines.slice(0, 5).map((l) => `${l.label} ${format(last(l.values), unit)}`);
  return `${label}. Newest values: ${few.join(', ')}${lines.length > few.length ? ` and ${lines.length - few.length} more` : ''}`;
}

type LegendProps = {
  lines: Line[];
  unit: Unit;
  cursor: number | null;
  hidden: ReadonlySet<string>;
  choose: (name: string, add: boolean) => void;
};

const legendRows = 60;

function Legend({ lines, unit, cursor, hidden, choose }: LegendProps) {
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  return (
    <div className={classes.legend}>
      {lines.slice(0, legendRows).map((l, i) => (
        <UnstyledButton
          key={l.label}
          className={classes.key}
          aria-pressed={!hidden.has(l.label)}
          data-hidden={hidden.has(l.label) || undefined}
          onClick={(e) => choose(l.label, e.ctrlKey || e.metaKey || e.shiftKey)}
          title={l.label}
        >
          <span className={classes.swatch} style={{ background: l.color ?? colorOf(i, scheme) }} aria-hidden />
          <span className={classes.name}>{l.label}</span>
          <span className={classes.value}>{format(cursor === null ? last(l.values) : l.values[cursor], unit)}</span>
        </UnstyledButton>
      ))}
      {lines.length > legendRows && (
        <Text size="xs" c="dimmed" px={6}>
          and {lines.length - legendRows} more
        </Text>
      )}
    </div>
  );
}

/** What a chart shows, in numbers: the table that every chart can become. */
function ValueTable({ label, times, lines, unit }: { label: string; times: number[]; lines: Line[]; unit: Unit }) {
  const [zone] = useZone();
  const every = Math.max(1, Math.ceil(times.length / 60));
  const rows = times
    .map((t, i) => ({ t, i }))
    .filter(({ i }) => (times.length - 1 - i) % every === 0)
    .reverse();
  return (
    <Table.ScrollContainer minWidth={300} mah={360}>
      <Table stickyHeader striped fz="xs" aria-label={label} verticalSpacing={3}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Time</Table.Th>
            {lines.map((l) => (
              <Table.Th key={l.label} ta="right">
                {l.label}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(({ t, i }) => (
            <Table.Tr key={t}>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>{formatTime(t * 1000, zone)}</Table.Td>
              {lines.map((l) => (
                <Table.Td key={l.label} ta="right">
                  {format(l.values[i], unit)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
