import type { Panel } from '../chart/ChartCard';
import { formatDuration } from '../lib/time';
import type { Labels } from '../metric/promql';

/** Charts that belong together, as an operator thinks of a machine. */
export type PanelGroup = {
  key: string;
  title: string;
  panels: Panel[];
  /** Shown only where the host has a metric whose name begins so. */
  needs?: string;
};

/** The span that a rate looks back over: four intervals, so that a late sample leaves no hole; never less than the step, so that no sample is left out. */
export const rateWindow = (step: number, interval = 10) => formatDuration(Math.max(4 * interval, step + interval));

/** Writes a selector or a rate of a metric of one host, with more matchers. */
export type Select = (name: string, more?: string) => string;

/** Bounds of what is a part of a whole. */
export const share = { min: 0, max: 1 };

/** Names lines by a label and a word. */
export const by = (label: string, word = '') => {
  return (l: Labels) => [l[label] ?? '', word].filter(Boolean).join(' ');
};
