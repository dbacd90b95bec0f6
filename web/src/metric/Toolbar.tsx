import { Group, NativeSelect, SegmentedControl, Switch } from '@mantine/core';
import type { Scale } from '../chart/plot';
import type { Unit } from '../lib/number';
import { formatDuration } from '../lib/time';
import { useUrlParams, useUrlState } from '../lib/url';
import classes from './Explore.module.css';
import { resolutions } from './explore';

const units: Record<Unit, string> = {
  none: 'plain numbers',
  bytes: 'bytes',
  'bytes/s': 'bytes per second',
  'bits/s': 'bits per second',
  ratio: 'percent of 1',
  seconds: 'seconds',
  'ops/s': 'per second',
  hertz: 'hertz',
  celsius: '°C',
};

export type Look = { table: boolean; stacked: boolean; scale: Scale; unit: Unit | ''; step: string };

/** How the page shows the answers, from its URL. */
export function useLook(): Look {
  const [params] = useUrlParams();
  const unit = params.get('unit') ?? '';
  const scale = params.get('scale') ?? '';
  return {
    table: params.get('view') === 'table',
    stacked: params.get('stacked') === '1',
    scale: scale === 'fit' || scale === 'log' ? scale : 'zero',
    unit: unit in units ? (unit as Unit) : '',
    step: params.get('step') ?? '',
  };
}

/** Chooses how answers are shown. `guessed` is the unit that the queries tell, `step` the resolution that is used. */
export function Toolbar({ look, guessed, step }: { look: Look; guessed: Unit | undefined; step: number }) {
  const [, change] = useUrlParams();
  const [view, setView] = useUrlState('view', 'chart');
  const steps = look.step && !resolutions.includes(look.step) ? [look.step, ...resolutions] : resolutions;
  return (
    <Group gap="xs" my="sm">
      <SegmentedControl
        size="xs"
        aria-label="Shown as"
        value={view === 'table' ? 'table' : 'chart'}
        onChange={setView}
        data={[
          { value: 'chart', label: 'Chart' },
          { value: 'table', label: 'Table' },
        ]}
      />
      <NativeSelect
        size="xs"
        className={classes.choice}
        aria-label="Unit"
        value={look.unit}
        onChange={(e) => change({ unit: e.currentTarget.value })}
        data={[
          { value: '', label: `Unit: ${guessed ? units[guessed] : 'each its own'} (guessed)` },
          ...Object.entries(units).map(([value, label]) => ({ value, label: `Unit: ${label}` })),
        ]}
      />
      {!look.table && (
        <>
          <NativeSelect
            size="xs"
            className={classes.choice}
            aria-label="Resolution"
            value={look.step}
            onChange={(e) => change({ step: e.currentTarget.value })}
            data={[
              { value: '', label: `Resolution: automatic${look.step ? '' : ` (${formatDuration(step)})`}` },
              ...steps.map((s) => ({ value: s, label: `Resolution: ${s}` })),
            ]}
          />
          <NativeSelect
            size="xs"
            className={classes.choice}
            aria-label="Scale"
            value={look.scale}
            disabled={look.stacked}
            onChange={(e) => change({ scale: e.currentTarget.value === 'zero' ? '' : e.currentTarget.value })}
            data={[
              { value: 'zero', label: 'Scale: from zero' },
              { value: 'fit', label: 'Scale: fitted to the values' },
              { value: 'log', label: 'Scale: logarithmic' },
            ]}
          />
          <Switch
            size="xs"
            label="Stacked"
            checked={look.stacked}
            onChange={(e) => change({ stacked: e.currentTarget.checked ? '1' : '' })}
          />
        </>
      )}
    </Group>
  );
}
