import { memo, type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { Link } from 'wouter';
import type { Unit } from '../lib/number';
import { instant } from '../lib/time';
import { useHref, useUrlParams } from '../lib/url';
import { useSpan } from '../live/live';
import { useRange } from '../metric/promql';
import { Search, Table2, TrendingUp } from '../ui/icons';
import { ErrorBox, sentence } from '../ui/State';
import { Chart } from './Chart';
import classes from './ChartCard.module.css';
import { inOrder, type Source, toLines } from './lines';
import type { Bounds } from './plot';
import { inTurn } from './turns';

export { type Source, toLines } from './lines';

export type Panel = {
  title: string;
  sources: Source[];
  unit?: Unit;
  stacked?: boolean;
  bounds?: Bounds;
  help?: string;
  /** What to say when there is nothing to draw. */
  none?: string;
  height?: number;
  /** Names of lines that come first, from the bottom of a stack up. */
  order?: readonly string[];
  /** About how many points a line has; fewer where a query is dear. */
  points?: number;
};

/** How high a chart is with a row of names below it. */
const heightOf = (panel: Panel) => (panel.height ?? 180) + 30;

type Props = {
  panel: Panel;
  sync?: string;
  /** Whether its hosts were enrolled this minute: their first numbers are shown as they come. */
  young?: boolean;
};

/** A chart with its title, its numbers as a table, and the way to explore its queries. It asks only while it is in sight. */
export const ChartCard = memo(function ChartCard({ panel, sync, young }: Props) {
  const [ref, room] = useInSight(heightOf(panel));
  const [asTable, setAsTable] = useState(false);
  const link = useHref();
  const other = asTable ? 'show as lines' : 'show as a table';
  // Plain elements: a page has dozens of these.
  return (
    <section ref={ref} aria-label={panel.title} className={classes.card}>
      <div className={classes.head}>
        <h3 className={classes.title} title={panel.help}>
          {panel.title}
        </h3>
        <button
          type="button"
          className={classes.act}
          title={sentence(other)}
          aria-label={`${panel.title}: ${other}`}
          onClick={() => setAsTable(!asTable)}
        >
          {asTable ? <TrendingUp size={15} aria-hidden /> : <Table2 size={15} aria-hidden />}
        </button>
        <Link
          href={link('/explore', { q: panel.sources.map((s) => s.query) })}
          className={classes.act}
          title="Explore these queries"
          aria-label={`${panel.title}: explore`}
        >
          <Search size={15} aria-hidden />
        </Link>
      </div>
      <div style={{ minHeight: room }}>
        {room === undefined && <Body panel={panel} sync={sync} asTable={asTable} young={young} />}
      </div>
    </section>
  );
});

/**
 * Tells how much room an element's content takes while it is out of sight; nothing when it is in sight or near. Of many that
 * come into sight together each is told in a task of its own.
 */
function useInSight(height: number): [RefObject<HTMLElement | null>, number | undefined] {
  const ref = useRef<HTMLElement>(null);
  const [room, setRoom] = useState<number | undefined>(height);
  useEffect(() => {
    const e = ref.current;
    if (!e) return;
    let takeBack = () => {};
    const tell = (seen: boolean) => {
      takeBack();
      const next = seen ? undefined : e.lastElementChild?.clientHeight || height;
      takeBack = inTurn('ask', () => flushSync(() => setRoom(next)));
    };
    // What is in sight from the start need not wait until the page is painted.
    const { top, bottom } = e.getBoundingClientRect();
    if (top < window.innerHeight && bottom >= 0) tell(true);
    const watch = new IntersectionObserver(([seen]) => tell(seen?.isIntersecting ?? false), { rootMargin: '100px' });
    watch.observe(e);
    return () => {
      takeBack();
      watch.disconnect();
    };
  }, [height]);
  return [ref, room];
}

function Body({ panel, sync, asTable, young }: Props & { asTable: boolean }) {
  const span = useSpan();
  const [, change] = useUrlParams();
  const { sources, points, order } = panel;
  const ahead = young && span.to - span.from <= 7200 ? 2 : undefined;
  // Hooks in a fixed order: a panel has at most four sources, and may get others when it is drawn again.
  const all = [
    useRange(sources[0]?.query ?? '', span, { points, ahead }),
    useRange(sources[1]?.query ?? '', span, { points, ahead }),
    useRange(sources[2]?.query ?? '', span, { points, ahead }),
    useRange(sources[3]?.query ?? '', span, { points, ahead }),
  ];
  const asked = all.slice(0, sources.length);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the results are the state; their array is new each time.
  const { times, lines, cut } = useMemo(() => {
    const results = asked.map((a) => a.data);
    const drawn = toLines(results, sources);
    return order ? { ...drawn, lines: inOrder(drawn.lines, order) } : drawn;
  }, [...all.map((a) => a.data), sources, order]);
  const failed = asked.find((a) => a.error && !a.data);
  if (failed) return <ErrorBox error={failed.error} retry={() => failed.refetch()} />;
  if (asked.some((a, i) => a.isPending && !sources[i]?.later)) {
    return (
      <div
        role="status"
        aria-label={`Loading ${panel.title}`}
        className={classes.waiting}
        style={{ height: heightOf(panel) }}
      >
        …
      </div>
    );
  }
  if (lines.length === 0) {
    return (
      <div className={classes.none} style={{ height: heightOf(panel) }}>
        {young ? 'Waiting for the first numbers.' : (panel.none ?? 'No data in this time.')}
      </div>
    );
  }
  return (
    <>
      <Chart
        label={panel.title}
        times={times}
        lines={lines}
        unit={panel.unit}
        span={span}
        stacked={panel.stacked}
        bounds={panel.bounds}
        height={panel.height}
        sync={sync}
        asTable={asTable}
        onZoom={(from, to) => change({ from: instant(from), to: instant(to), range: undefined }, true)}
      />
      {cut > 0 && <div className={classes.cut}>{cut} more series are not drawn.</div>}
    </>
  );
}
