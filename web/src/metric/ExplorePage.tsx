import { Button, Group, Kbd } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef } from 'react';
import type { Unit } from '../lib/number';
import { useUrlParams } from '../lib/url';
import { useSpan } from '../live/live';
import { CopyLink } from '../ui/Copy';
import { Plus, Search } from '../ui/icons';
import { Page } from '../ui/Page';
import { useZone } from '../ui/prefs';
import { ChartView } from './ChartView';
import { Examples } from './Examples';
import classes from './Explore.module.css';
import { permanentLink, planOf } from './explore';
import { Finder } from './Finder';
import { HistoryMenu } from './HistoryMenu';
import { useHistory } from './history';
import { InstantTable } from './InstantTable';
import { type Labels, promKeys } from './promql';
import type { EditorHandle } from './QueryEditor';
import { type Outcome, QueryRow } from './QueryRow';
import { useInstantResults, useRangeResults, useStable } from './results';
import { Toolbar, useLook } from './Toolbar';
import { guessUnit, sameUnit } from './unit';
import { useRows } from './useRows';

/** Any questions to the metrics, and their answers as a chart or a table. */
export function ExplorePage() {
  const span = useSpan();
  const look = useLook();
  const rows = useRows();
  const history = useHistory();
  const client = useQueryClient();
  const [zone] = useZone();
  const [finder, finderIs] = useDisclosure();
  const editors = useEditors();

  const plan = useMemo(() => planOf(span, look.step), [span, look.step]);
  const at = span.range ? Math.floor(span.to / 10) * 10 : span.to;
  const ranges = useRangeResults(rows.rows, plan, !look.table);
  const instants = useInstantResults(rows.rows, at, look.table);
  const guesses = rows.rows.map((r, i) => unitOfRow(r.query, look.table ? instants[i] : ranges[i]));
  const units = useStable(guesses.map((u) => look.unit || u));
  const shown = guesses.filter((_, i) => rows.rows[i]?.query && !rows.rows[i]?.hidden);
  const guessed = shown.every((u) => u === shown[0]) ? (shown[0] ?? 'none') : undefined;

  const run = (id: number, text: string) => {
    const before = rows.rows.find((r) => r.id === id);
    history.add(text.trim());
    if (before?.query === text.trim() && !before.hidden) void client.invalidateQueries({ queryKey: promKeys.all });
    rows.run(id, text);
  };
  const ask = (query: string, was?: string) => {
    const made = was === undefined ? undefined : rows.rows.find((r) => r.query === was && r.text === was);
    if (made) return run(made.id, query);
    history.add(query);
    rows.add(query);
  };
  const addRow = () => {
    editors.focusNext(rows.addEmpty());
  };
  useExploreKeys({ m: finderIs.open, n: addRow, t: useToggleView() });

  return (
    <div className={classes.page} data-beside={finder || undefined}>
      <Page
        title="Explore"
        actions={
          <>
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<Search size={15} aria-hidden />}
              rightSection={
                <Kbd size="xs" visibleFrom="sm">
                  m
                </Kbd>
              }
              onClick={finderIs.toggle}
            >
              Find a metric
            </Button>
            <HistoryMenu history={history} choose={ask} />
            <CopyLink address={() => permanentLink(window.location, span, zone)} />
          </>
        }
      >
        {rows.rows.map((row, i) => (
          <QueryRow
            key={row.id}
            ref={editors.refOf(row.id)}
            takesFocus={() => editors.takes(row.id)}
            row={row}
            at={i}
            rows={rows}
            plan={plan}
            table={look.table}
            outcome={outcomeOf(look.table ? instants[i] : ranges[i])}
            onRun={(text) => run(row.id, text)}
            onUse={() => editors.use(row.id)}
          />
        ))}
        <Group mt="xs">
          <Button size="compact-sm" variant="default" leftSection={<Plus size={14} aria-hidden />} onClick={addRow}>
            Add a query
          </Button>
        </Group>
        {rows.rows.some((r) => r.query) ? (
          <>
            <Toolbar look={look} guessed={guessed} step={plan.step} />
            {look.table ? (
              <InstantTable asked={instants} at={at} units={units} />
            ) : (
              <ChartView
                asked={ranges}
                span={span}
                unit={look.unit || guessed || 'none'}
                scale={look.scale}
                stacked={look.stacked}
              />
            )}
          </>
        ) : (
          <div style={{ marginTop: 24 }}>
            <Examples choose={ask} />
          </div>
        )}
        <Finder opened={finder} close={finderIs.close} span={span} ask={ask} insert={editors.insert} />
      </Page>
    </div>
  );
}

type Found = { metric: Labels }[];
type Answered = {
  answer?: { took: number; warnings: string[]; truncated: boolean; series?: Found; samples?: Found };
  error: unknown;
  fetching: boolean;
};

function outcomeOf(asked: Answered | undefined): Outcome {
  const { answer, error = null, fetching = false } = asked ?? {};
  if (!answer) return { error, fetching };
  const { took, warnings, truncated, series, samples } = answer;
  return { error, fetching, took, warnings, truncated, series: (series ?? samples ?? []).length };
}

/** The unit that a query tells, else that of the metrics it found. */
function unitOfRow(query: string, asked: Answered | undefined): Unit {
  const guess = guessUnit(query);
  if (guess !== 'none') return guess;
  const names = (asked?.answer?.series ?? asked?.answer?.samples ?? []).map((s) => s.metric.__name__);
  return sameUnit(names) ?? 'none';
}

/** The editors of the page, to write into the one used last, and to give a new one the focus. */
function useEditors() {
  const all = useRef(new Map<number, EditorHandle>());
  const used = useRef<number | undefined>(undefined);
  const next = useRef<number | undefined>(undefined);
  const refs = useRef(new Map<number, (h: EditorHandle | null) => void>());
  return useMemo(
    () => ({
      refOf(id: number) {
        const known = refs.current.get(id);
        if (known) return known;
        const made = (h: EditorHandle | null) => {
          if (h) all.current.set(id, h);
          else all.current.delete(id);
        };
        refs.current.set(id, made);
        return made;
      },
      takes(id: number) {
        if (next.current !== id) return false;
        next.current = undefined;
        return true;
      },
      focusNext(id: number) {
        next.current = id;
        all.current.get(id)?.focus();
      },
      use(id: number) {
        used.current = id;
      },
      insert(text: string) {
        const editor = all.current.get(used.current ?? -1) ?? [...all.current.values()].at(-1);
        editor?.insert(text);
      },
    }),
    [],
  );
}

function useToggleView(): () => void {
  const [params, change] = useUrlParams();
  return () => change({ view: params.get('view') === 'table' ? '' : 'table' });
}

/** The keys of this page; they are in the help, see keys.ts. */
function useExploreKeys(does: Record<string, () => void>) {
  const latest = useRef(does);
  latest.current = does;
  useEffect(() => {
    let afterG = 0;
    const press = (e: KeyboardEvent) => {
      const t = e.target as HTMLElement | null;
      const going = Date.now() - afterG < 1500; // "g" and a letter go to a page
      afterG = e.key === 'g' ? Date.now() : 0;
      if (going || e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) return;
      if (t?.closest('input, textarea, select, [contenteditable="true"], [role="dialog"], [role="menu"]')) return;
      const act = latest.current[e.key];
      if (!act) return;
      e.preventDefault();
      act();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
}
