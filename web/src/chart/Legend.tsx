import { memo, useMemo } from 'react';
import { format, type Unit } from '../lib/number';
import { useUrlState } from '../lib/url';
import classes from './Chart.module.css';
import { cssColor, type Line } from './plot';

type Props = {
  lines: Line[];
  unit: Unit;
  cursor: number | null;
  hidden: ReadonlySet<string>;
  choose: (name: string, add: boolean) => void;
};

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

const legendRows = 60;

/** The lines' names with the values under the cursor, else the newest. */
export function Legend({ lines, unit, cursor, hidden, choose }: Props) {
  return (
    <div className={classes.legend}>
      {lines.slice(0, legendRows).map((l, i) => (
        <Key key={l.label} label={l.label} color={l.color ?? cssColor(i)} off={hidden.has(l.label)} choose={choose}>
          <span className={classes.value}>{format(cursor === null ? last(l.values) : l.values[cursor], unit)}</span>
        </Key>
      ))}
      {lines.length > legendRows && <div className={classes.more}>and {lines.length - legendRows} more</div>}
    </div>
  );
}

const orders = ['newest', 'lowest', 'mean', 'highest'] as const;
type Order = (typeof orders)[number];

/** All lines, one below the other, with the lowest, the mean and the highest value of each. The order is in the URL. */
export function WideLegend({ lines, unit, cursor, hidden, choose }: Props) {
  const [order, setOrder] = useUrlState('legend', '');
  const facts = useMemo(() => lines.map((l) => factsOf(l.values)), [lines]);
  const sorted = useMemo(() => sortLines(facts, order), [facts, order]);
  return (
    <div className={classes.wide}>
      <div className={classes.wideHead}>
        <button type="button" className={classes.plain} onClick={() => setOrder('')}>
          Series{order === '' && lines.length > 1 ? ' ↓' : ''}
        </button>
        {orders.map((o) => (
          <button
            key={o}
            type="button"
            className={classes.plain}
            onClick={() => setOrder(order === o ? '' : o)}
            aria-pressed={order === o}
          >
            {o === 'newest' && cursor !== null ? 'at the cursor' : o}
            {order === o && ' ↓'}
          </button>
        ))}
      </div>
      {sorted.map((i) => {
        const l = lines[i] as Line;
        return (
          <Key key={l.label} label={l.label} color={l.color ?? cssColor(i)} off={hidden.has(l.label)} choose={choose}>
            <span className={classes.value}>{format(cursor === null ? facts[i]?.newest : l.values[cursor], unit)}</span>
            <Numbers facts={facts[i]} unit={unit} />
          </Key>
        );
      })}
    </div>
  );
}

type KeyProps = {
  label: string;
  color: string;
  off: boolean;
  choose: Props['choose'];
  children: React.ReactNode;
};

function Key({ label, color, off, choose, children }: KeyProps) {
  return (
    <button
      type="button"
      className={`${classes.plain} ${classes.key}`}
      aria-pressed={!off}
      data-hidden={off || undefined}
      onClick={(e) => choose(label, e.ctrlKey || e.metaKey || e.shiftKey)}
      title={label}
    >
      <span className={classes.swatch} style={{ background: color }} aria-hidden />
      <span className={classes.name}>{label}</span>
      {children}
    </button>
  );
}

type Facts = Record<Order, number | null>;

/** The places of lines, the highest first by what they are sorted by; without it as they come. */
export function sortLines(facts: Facts[], order: string): number[] {
  const places = facts.map((_, i) => i);
  const by = orders.find((o) => o === order);
  if (!by) return places;
  const value = (i: number) => facts[i]?.[by] ?? -Infinity;
  return places.sort((a, b) => (value(a) === value(b) ? a - b : value(b) - value(a)));
}

const Numbers = memo(function Numbers({ facts, unit }: { facts: Facts | undefined; unit: Unit }) {
  return (
    <>
      <span className={classes.fact}>{format(facts?.lowest, unit)}</span>
      <span className={classes.fact}>{format(facts?.mean, unit)}</span>
      <span className={classes.fact}>{format(facts?.highest, unit)}</span>
    </>
  );
});

export function factsOf(values: Line['values']): Facts {
  let lowest = Infinity;
  let highest = -Infinity;
  let newest: number | null = null;
  let sum = 0;
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    if (v === null || v === undefined) continue;
    if (v < lowest) lowest = v;
    if (v > highest) highest = v;
    newest = v;
    sum += v;
    n++;
  }
  return n === 0 ? { newest, lowest: null, mean: null, highest: null } : { newest, lowest, mean: sum / n, highest };
}

export const last = (values: Line['values']) => values.findLast((v) => v !== null);
