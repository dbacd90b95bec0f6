import { useCallback, useMemo, useRef, useState } from 'react';
import { useUrlParams } from '../lib/url';
import { newRow, type Row, readRows, reconcile, rowParams } from './explore';

/** The page's queries. What ran is in the URL; what is being typed is not. */
export function useRows() {
  const [params, change] = useUrlParams();
  const [kept, keep] = useState<Row[]>([]);
  const rows = useMemo(() => reconcile(kept, readRows(params)), [kept, params]);
  const latest = useRef(rows);
  latest.current = rows;

  const write = useCallback(
    (next: Row[]) => {
      const all = next.length > 0 ? next : [newRow()];
      latest.current = all;
      keep(all);
      change(rowParams(all), true);
    },
    [change],
  );
  return useMemo(() => {
    const edit = (id: number, f: (r: Row) => Partial<Row>) =>
      latest.current.map((r) => (r.id === id ? { ...r, ...f(r) } : r));
    return {
      rows,
      type(id: number, text: string) {
        latest.current = edit(id, () => ({ text }));
        keep(latest.current);
      },
      /** Runs what stands in an editor, or another text instead. */
      run: (id: number, text?: string) =>
        write(edit(id, (r) => ({ query: (text ?? r.text).trim(), text: text ?? r.text, hidden: false }))),
      toggle: (id: number) => write(edit(id, (r) => ({ hidden: !r.hidden }))),
      remove: (id: number) => write(latest.current.filter((r) => r.id !== id)),
      duplicate: (id: number) =>
        write(latest.current.flatMap((r) => (r.id === id ? [r, newRow(r.text.trim() || r.query)] : [r]))),
      move(id: number, by: -1 | 1) {
        const next = [...latest.current];
        const at = next.findIndex((r) => r.id === id);
        const [row] = next.splice(at, 1);
        if (row) next.splice(Math.max(0, at + by), 0, row);
        write(next);
      },
      /** Makes an empty row, unless there is one; returns its id. */
      addEmpty(): number {
        const empty = latest.current.find((r) => !r.query && !r.text.trim());
        if (empty) return empty.id;
        const row = newRow();
        write([...latest.current, row]);
        return row.id;
      },
      /** Runs a query in the first empty row, else in a new one; returns the row's id. */
      add(query: string): number {
        const empty = latest.current.find((r) => !r.query && !r.text.trim());
        if (empty) {
          write(edit(empty.id, () => ({ query, text: query, hidden: false })));
          return empty.id;
        }
        const row = newRow(query);
        write([...latest.current, row]);
        return row.id;
      },
    };
  }, [rows, write]);
}

export type Rows = ReturnType<typeof useRows>;
