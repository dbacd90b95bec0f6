import { VisuallyHidden } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, memo, type ReactNode, useEffect, useMemo, useRef } from 'react';
import { useLocation } from 'wouter';
import { useUrlState } from '../lib/url';
import classes from './DataTable.module.css';
import { ArrowDown, ArrowUp } from './icons';
import plain from './plain.module.css';

export type Column<T> = {
  key: string;
  title: string;
  /** What stands in the head instead of the title, e.g. a box that chooses all rows. */
  head?: ReactNode;
  /** A width of CSS grid, e.g. "minmax(8rem, 2fr)"; 1fr by default. */
  width?: string;
  align?: 'right';
  render: (row: T) => ReactNode;
  /** What to sort by; a column without it cannot be sorted. Undefined sorts last. */
  value?: (row: T) => string | number | undefined;
  /** Sort the highest first when the column is chosen. */
  descending?: boolean;
};

type Props<T> = {
  label: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string;
  /** Where a row leads; Enter and a click follow it. */
  rowHref?: (row: T) => string;
  /** The URL parameter that holds the order, and the order without it: "-cpu" is the highest cpu first. */
  sortParam?: string;
  sort?: string;
  /** The most that the table may take of the window's height before it scrolls, in CSS. */
  maxHeight?: string;
  empty?: ReactNode;
  minWidth?: number;
  /** Called when the last rows come into sight, to load more. */
  onEnd?: () => void;
};

/** The head of a column of buttons, which only screen readers need. */
export const hidden = (title: string) => <VisuallyHidden>{title}</VisuallyHidden>;

const rowHeight = 38;

/** A table of any length: only the rows in sight are in the page. The order is in the URL; arrow keys walk the rows. */
export function DataTable<T>(props: Props<T>) {
  const {
    columns,
    rows,
    rowKey,
    label,
    sortParam = 'sort',
    sort: initial = '',
    maxHeight = '70vh',
    empty,
    minWidth,
    onEnd,
  } = props;
  const [order, setOrder] = useUrlState(sortParam, initial);
  const sorted = useMemo(() => sortRows(rows, columns, order), [rows, columns, order]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    initialRect: { width: 1000, height: 700 },
  });
  const [, navigate] = useLocation();
  const grid = columns.map((c) => c.width ?? 'minmax(5rem, 1fr)').join(' ');

  // Rows are told apart by their index: what is in a portal, like an open menu, belongs to none.
  const indexOf = (target: EventTarget) =>
    Number((target as HTMLElement).closest('[data-index]')?.getAttribute('data-index') ?? -1);
  const walk = (e: KeyboardEvent<HTMLElement>) => {
    const at = indexOf(e.target);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -1e9, End: 1e9 }[e.key];
    if (at < 0 || step === undefined) return;
    e.preventDefault();
    const next = Math.max(0, Math.min(sorted.length - 1, at + step));
    virtual.scrollToIndex(next);
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus());
  };
  const follow = (e: { target: EventTarget; metaKey?: boolean; ctrlKey?: boolean }) => {
    const row = sorted[indexOf(e.target)];
    if (!props.rowHref || !row || (e.target as HTMLElement).closest('a,button,input,label')) return;
    const to = props.rowHref(row);
    if (e.metaKey || e.ctrlKey) window.open(to, '_blank', 'noopener');
    else navigate(to);
  };

  const last = virtual.getVirtualItems().at(-1)?.index ?? -1;
  const atEnd = sorted.length > 0 && last >= sorted.length - 5;
  useEffect(() => {
    if (atEnd) onEnd?.();
  }, [atEnd, onEnd]);

  if (rows.length === 0 && empty) return empty;
  return (
    <div ref={scroller} className={classes.scroller} style={{ maxHeight }} tabIndex={-1}>
      <div role="table" aria-label={label} aria-rowcount={sorted.length + 1} style={{ minWidth }}>
        <div role="rowgroup" className={classes.head}>
          <div role="row" aria-rowindex={1} className={classes.row} style={{ gridTemplateColumns: grid }}>
            {columns.map((c) => (
              <Head key={c.key} column={c} order={order} setOrder={setOrder} />
            ))}
          </div>
        </div>
        <div
          role="rowgroup"
          className={classes.body}
          style={{ height: virtual.getTotalSize() }}
          onKeyDown={(e) => (e.key === 'Enter' ? follow(e) : walk(e))}
          onClick={follow}
        >
          {virtual.getVirtualItems().map((v) => {
            const row = sorted[v.index] as T;
            return (
              <div
                key={rowKey(row)}
                role="row"
                aria-rowindex={v.index + 2}
                data-index={v.index}
                tabIndex={v.index === 0 ? 0 : -1}
                className={`${classes.row} ${classes.item}`}
                data-link={props.rowHref ? true : undefined}
                style={{ gridTemplateColumns: grid, transform: `translateY(${v.start}px)`, height: rowHeight }}
              >
                <Cells row={row} columns={columns as Column<unknown>[]} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** A row's cells, drawn anew only when the row or the columns are others, not when the table scrolls. */
const Cells = memo(function Cells({ row, columns }: { row: unknown; columns: Column<unknown>[] }) {
  return columns.map((c) => (
    <div key={c.key} role="cell" className={classes.cell} data-align={c.align}>
      {c.render(row)}
    </div>
  ));
});

function Head<T>({ column: c, order, setOrder }: { column: Column<T>; order: string; setOrder: (o: string) => void }) {
  const up = order === c.key;
  const down = order === `-${c.key}`;
  if (!c.value) {
    return (
      <div role="columnheader" className={classes.cell} data-align={c.align}>
        {c.head ?? c.title}
      </div>
    );
  }
  const next = c.descending ? (down ? c.key : `-${c.key}`) : up ? `-${c.key}` : c.key;
  return (
    <div
      role="columnheader"
      aria-sort={up ? 'ascending' : down ? 'descending' : 'none'}
      className={classes.cell}
      data-align={c.align}
    >
      <button type="button" onClick={() => setOrder(next)} className={`${plain.bare} ${classes.sort}`}>
        {c.title}
        {up && <ArrowUp size={13} aria-hidden />}
        {down && <ArrowDown size={13} aria-hidden />}
      </button>
    </div>
  );
}

/** Sorts by a column's value: "cpu" ascending, "-cpu" descending, absent values last in both. Equal rows keep their order. */
export function sortRows<T>(rows: T[], columns: Column<T>[], order: string): T[] {
  const down = order.startsWith('-');
  const value = columns.find((c) => c.key === (down ? order.slice(1) : order))?.value;
  if (!value) return rows;
  return rows
    .map((row) => ({ row, v: sortKey(value(row)) }))
    .sort((a, b) => {
      if (a.v === undefined || b.v === undefined) return Number(a.v === undefined) - Number(b.v === undefined);
      const n = a.v < b.v ? -1 : a.v > b.v ? 1 : 0;
      return down ? -n : n;
    })
    .map(({ row }) => row);
}

/** What a value is ordered by. */
function sortKey(v: string | number | undefined): string | number | undefined {
  if (typeof v === 'string') return nameKey(v);
  return Number.isNaN(v) ? undefined : v;
}

/** What a name is ordered by: as people count and in any case. A collator that counts takes ten times as long. */
export function nameKey(name: string): string {
  return name.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, '0'));
}

/** Two to five facts in a row, each with its name. */
export function Facts({ items }: { items: [name: string, value: ReactNode][] }) {
  return (
    <dl className={classes.facts}>
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
