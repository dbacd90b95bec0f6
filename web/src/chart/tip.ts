import type uPlot from 'uplot';
import { format, type Unit } from '../lib/number';
import { formatTime, type Zone } from '../lib/time';
import classes from './Chart.module.css';
import { colorOf, type Line, near, type Scheme } from './plot';

export type TipLine = { label: string; color: string; value: number; meant: boolean };

type Reading = { index: number; lines: Line[]; hidden: ReadonlySet<string>; scheme: Scheme; most: number };

/**
 * The lines nearest to the pointer, at most `most` and the highest first, and how many there are besides. The very nearest is
 * meant when the pointer is at it. `height` says how far a line, by its number, is from the pointer.
 */
export function nearest(r: Reading, distance: (line: number) => number): { lines: TipLine[]; more: number } {
  const found: { line: number; away: number; value: number }[] = [];
  for (let i = 0; i < r.lines.length; i++) {
    const l = r.lines[i] as Line;
    const value = l.values[r.index];
    if (value !== null && value !== undefined && !r.hidden.has(l.label))
      found.push({ line: i, away: distance(i), value });
  }
  found.sort((a, b) => a.away - b.away);
  const meant = found[0] && found[0].away <= near ? found[0].line : -1;
  const kept = found.slice(0, r.most).sort((a, b) => b.value - a.value || a.line - b.line);
  return {
    lines: kept.map(({ line, value }) => {
      const l = r.lines[line] as Line;
      return { label: l.label, color: l.color ?? colorOf(line, r.scheme), value, meant: line === meant };
    }),
    more: found.length - kept.length,
  };
}

type Show = Omit<Reading, 'index' | 'most'> & { index: number | null; left: number; zone: Zone; unit: Unit };

/** Shows the time under the cursor, and the values when the pointer is in this very chart and not in one that it follows. */
export function showTip(tip: HTMLElement, u: uPlot, { index, left, zone, unit, ...r }: Show) {
  const t = index === null ? undefined : u.data[0][index];
  if (index === null || t === undefined || left < 0) {
    tip.style.display = 'none';
    return;
  }
  tip.style.display = 'block';
  const time = document.createElement('div');
  time.className = classes.tipTime ?? '';
  time.textContent = formatTime(t * 1000, zone);
  tip.replaceChildren(time);
  if (u.over.matches(':hover, :focus *')) {
    const top = u.cursor.top ?? 0;
    const away = (line: number) => Math.abs(u.valToPos(u.data[line + 1]?.[index] ?? 0, 'y') - top);
    const most = Math.max(2, Math.min(10, Math.floor((u.height - 60) / 17)));
    const { lines, more } = nearest({ ...r, index, most }, away);
    tip.append(...lines.map((l) => row(l, unit)));
    if (more > 0) tip.append(note(`${more} more`));
  }
  place(tip, u, left);
}

function row(l: TipLine, unit: Unit): HTMLElement {
  const out = note('');
  out.className = classes.tipRow ?? '';
  if (l.meant) out.dataset.meant = '';
  const swatch = document.createElement('span');
  swatch.className = classes.swatch ?? '';
  swatch.style.background = l.color;
  const name = document.createElement('span');
  name.className = classes.name ?? '';
  name.textContent = l.label;
  const value = document.createElement('span');
  value.className = classes.value ?? '';
  value.textContent = format(l.value, unit);
  out.append(swatch, name, value);
  return out;
}

function note(text: string): HTMLElement {
  const out = document.createElement('div');
  out.textContent = text;
  return out;
}

/** Beside the cursor, on the side with more room. */
function place(tip: HTMLElement, u: uPlot, left: number) {
  const at = u.bbox.left / devicePixelRatio + left;
  const width = tip.offsetWidth;
  const right = at + 12 + width <= u.width || at < u.width / 2;
  tip.style.left = `${Math.max(0, right ? Math.min(at + 12, u.width - width) : at - 12 - width)}px`;
}
