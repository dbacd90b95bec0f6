import { Button, Popover, SegmentedControl, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { formatDuration, formatTime, instant, parseDuration, parseInstant } from '../lib/time';
import { useUrlParams } from '../lib/url';
import { useLive, useSpan } from '../live/live';
import { Clock, Pause, Play, ZoomOut } from './icons';
import plain from './plain.module.css';
import { useZone } from './prefs';

const quick = ['5m', '15m', '30m', '1h', '3h', '6h', '12h', '1d', '2d', '1w'];

/** The span that all charts of a page show, the zone of times, and whether the page moves on. */
export function TimeControls() {
  // Undefined before its first use: until then it is only its button.
  const [opened, setOpened] = useState<boolean>();
  const close = () => setOpened(false);
  const [, change] = useUrlParams();
  const [zone, setZone] = useZone();
  const span = useSpan();
  const live = useLive();
  const label = span.range
    ? `last ${formatDuration(span.range)}`
    : `${formatTime(span.from * 1000, zone, 'minute')} – ${formatTime(span.to * 1000, zone, 'minute')}`;
  const choose = (range: string) => {
    change({ range, from: undefined, to: undefined }, true);
    close();
  };
  const widen = () => {
    const middle = (span.from + span.to) / 2;
    const half = span.to - span.from;
    if (span.range) choose(formatDuration(span.range * 2));
    else
      change(
        { from: instant(middle - half), to: instant(Math.min(middle + half, Date.now() / 1000)), range: undefined },
        true,
      );
  };
  const when = (
    <button
      type="button"
      className={`${plain.tool} ${plain.wide}`}
      aria-label={`Time: ${label}`}
      aria-haspopup="dialog"
      aria-expanded={opened ?? false}
      onClick={() => setOpened(!opened)}
    >
      <Clock size={15} aria-hidden />
      {label}
    </button>
  );
  return (
    <>
      {opened === undefined ? (
        when
      ) : (
        <Popover
          opened={opened}
          onChange={(o) => (o ? undefined : close())}
          position="bottom-end"
          shadow="md"
          trapFocus
          returnFocus
        >
          <Popover.Target>{when}</Popover.Target>
          <Popover.Dropdown>
            <Stack gap="sm" w={300}>
              <SimpleGrid cols={5} spacing={4}>
                {quick.map((r) => (
                  <Button
                    key={r}
                    size="compact-sm"
                    variant={span.range === parseDuration(r) ? 'filled' : 'default'}
                    onClick={() => choose(r)}
                  >
                    {r}
                  </Button>
                ))}
              </SimpleGrid>
              <Fixed key={`${span.range ?? span.from}`} done={close} />
              <div>
                <Text size="xs" fw={600} mb={2} id="zone-label">
                  Times are shown in
                </Text>
                <SegmentedControl
                  fullWidth
                  size="xs"
                  value={zone}
                  onChange={(z) => setZone(z as typeof zone)}
                  data={[
                    { value: 'local', label: Intl.DateTimeFormat().resolvedOptions().timeZone },
                    { value: 'UTC', label: 'UTC' },
                  ]}
                  aria-labelledby="zone-label"
                />
              </div>
            </Stack>
          </Popover.Dropdown>
        </Popover>
      )}
      <button
        type="button"
        className={plain.tool}
        title="Show twice as much time"
        aria-label="Show twice as much time"
        onClick={widen}
      >
        <ZoomOut size={15} aria-hidden />
      </button>
      <button
        type="button"
        className={plain.tool}
        title={live.paused ? 'Go on (p)' : live.connected ? 'Live: stop here (p)' : 'Not connected: every 10 s (p)'}
        aria-label={live.paused ? 'Go on with live updates' : 'Pause live updates'}
        aria-pressed={live.paused}
        onClick={() => live.setPaused(!live.paused)}
      >
        {live.paused ? <Play size={15} aria-hidden /> : <Pause size={15} aria-hidden />}
      </button>
    </>
  );
}

/** A fixed span, typed. */
function Fixed({ done }: { done: () => void }) {
  const span = useSpan();
  const [zone] = useZone();
  const [, change] = useUrlParams();
  const [from, setFrom] = useState(() => formatTime(span.from * 1000, zone));
  const [to, setTo] = useState(() => formatTime(span.to * 1000, zone));
  const read = (text: string) =>
    parseInstant(text.trim().replace(' ', 'T') + (zone === 'UTC' && !/Z|[+-]\d\d:?\d\d$/.test(text) ? 'Z' : ''));
  const a = read(from);
  const b = read(to);
  const wrong = a === undefined || b === undefined ? undefined : a >= b ? 'The end must be after the start' : undefined;
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        if (a === undefined || b === undefined || wrong) return;
        change({ from: instant(a), to: instant(b), range: undefined }, true);
        done();
      }}
    >
      <Stack gap={6}>
        <TextInput
          size="xs"
          label="From"
          value={from}
          onChange={(e) => setFrom(e.currentTarget.value)}
          error={a === undefined && 'Write 2026-11-23 14:05:00'}
        />
        <TextInput
          size="xs"
          label="To"
          value={to}
          onChange={(e) => setTo(e.currentTarget.value)}
          error={b === undefined ? 'Write 2026-11-23 14:05:00' : wrong}
        />
        <Button type="submit" size="xs" disabled={a === undefined || b === undefined || wrong !== undefined}>
          Show this time
        </Button>
      </Stack>
    </form>
  );
}
