import { type Unit, unitOf } from '../lib/number';

const perSecond = /\b(rate|irate|deriv|xrate)\s*\(/;
const counts = /^\s*(count|count_values|group|absent|changes|resets|present_over_time|count_over_time)\b/;
const words =
  /^(by|without|on|ignoring|group_left|group_right|and|or|unless|bool|offset|start|end|inf|nan|atan2|sum|avg|min|max|count|topk|bottomk|quantile|stddev|stdvar|group|count_values|limitk|limit_ratio)$/i;

/** The unit of a query's values as its metrics' names tell it; "none" when they do not. A guess: the user has the last word. */
export function guessUnit(query: string): Unit {
  const text = query
    .replace(/#.*$/gm, '')
    .replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/g, '""')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/gi, '')
    .replace(/\[[^\]]*\]/g, '')
    .trim();
  return unitOfText(text);
}

/** The unit that all of these metrics have; undefined when they differ or one is not named. */
export function sameUnit(names: (string | undefined)[]): Unit | undefined {
  let unit: Unit | undefined;
  for (const name of names) {
    const its = name === undefined ? undefined : unitOfName(name, '');
    if (its === undefined || (unit !== undefined && its !== unit)) return undefined;
    unit = its;
  }
  return unit;
}

function unitOfText(text: string): Unit {
  if (counts.test(text) || /(^|[^.\d])(100|1000|1e\d+)\s*\*|\*\s*(100|1000|1e\d+)\b/.test(text)) return 'none';
  const quotient = splitAt(text, '/');
  if (quotient) {
    const [a, b] = quotient;
    const named = [namesIn(a)[0] ?? '', namesIn(b)[0] ?? ''];
    if (named[0]?.endsWith('_sum') && named[1]?.endsWith('_count')) return unitOf(named[0]);
    if (!named[1]) return 'none';
    const [above, below] = [unitOfText(a), unitOfText(b)];
    return above === below && above !== 'none' ? 'ratio' : 'none';
  }
  const inner = /^[^(]*\(([\s\S]*)\)$/.exec(text)?.[1];
  if (inner !== undefined && balanced(inner) && splitAt(inner, '/')) return unitOfText(lastArgument(inner));
  const units = new Set(namesIn(text).map((name) => unitOfName(name, text)));
  if (units.size !== 1) return 'none';
  const unit = [...units][0] ?? 'none';
  return unit === 'bytes/s' && /(^|[^.\d])8\s*\*|\*\s*8\b/.test(text) ? 'bits/s' : unit;
}

function unitOfName(name: string, text: string): Unit {
  if (/\bhistogram_(quantile|avg|sum)\s*\(/.test(text)) return unitOf(name);
  const rate = perSecond.test(text);
  if (/_(count|bucket)$/.test(name)) return rate ? 'ops/s' : 'none';
  return unitOf(name, rate);
}

/** The metric names of an expression without strings, matchers, groupings and durations. */
function namesIn(text: string): string[] {
  const out: string[] = [];
  for (const m of text.matchAll(/[a-zA-Z_:][a-zA-Z0-9_:]*/g)) {
    const before = text[m.index - 1] ?? '';
    const after = text.slice(m.index + m[0].length).trimStart()[0];
    if (after !== '(' && !words.test(m[0]) && !/[\d.]/.test(before)) out.push(m[0]);
  }
  return out;
}

/** Splits an expression at the last such operator that stands in no parentheses. */
function splitAt(text: string, operator: string): [string, string] | undefined {
  let depth = 0;
  for (let i = text.length - 1; i >= 0; i--) {
    if (text[i] === ')') depth++;
    else if (text[i] === '(') depth--;
    else if (text[i] === operator && depth === 0) return [text.slice(0, i), text.slice(i + 1)];
  }
  return undefined;
}

function balanced(text: string): boolean {
  let depth = 0;
  for (const c of text) {
    if (c === '(') depth++;
    if (c === ')') depth--;
    if (depth < 0) return false;
  }
  return depth === 0;
}

const lastArgument = (text: string) => splitAt(text, ',')?.[1] ?? text;
