import { describe, expect, test } from 'vitest';
import { formatDuration, formatTime, instant, parseDuration, parseInstant, since, spanOf, stepFor } from './time';

test.each([
  ['90s', 90],
  ['1h30m', 5400],
  [' 2w ', 1_209_600],
  ['0s', undefined],
  ['', undefined],
  ['h', undefined],
  ['1.5h', undefined],
  ['1h later', undefined],
])('the duration %s is %s seconds', (text, want) => expect(parseDuration(text)).toBe(want));

test('a duration is written as it was read', () => {
  for (const text of ['5s', '1h30m', '1d', '1w2d3h4m5s'])
    expect(formatDuration(parseDuration(text) ?? Number.NaN)).toBe(text);
  expect(formatDuration(0)).toBe('0s');
});

test.each([
  ['1795411200', 1_795_411_200],
  ['1795411200.5', 1_795_411_200.5],
  ['2026-11-23T04:00:00Z', 1_795_406_400],
  ['2026-11-23T05:00:00+01:00', 1_795_406_400],
  ['soon', undefined],
  [null, undefined],
])('the time %s is %s', (text, want) => expect(parseInstant(text)).toBe(want));

test('an instant can be read back', () => {
  expect(instant(1_795_406_400.4)).toBe('2026-11-23T04:00:00Z');
  expect(parseInstant(instant(1_795_406_400))).toBe(1_795_406_400);
});

describe('the span of an address', () => {
  const now = 1_795_406_400;
  const of = (search: string) => spanOf(new URLSearchParams(search), now);
  test('counts back from now', () => {
    expect(of('range=15m')).toEqual({ from: now - 900, to: now, range: 900 });
    expect(of('')).toEqual({ from: now - 3600, to: now, range: 3600 });
  });
  test('is fixed when it has two ends in the right order', () => {
    expect(of('from=100&to=200&range=1h')).toEqual({ from: 100, to: 200 });
    expect(of('from=200&to=100').range).toBe(3600);
    expect(of('from=100').range).toBe(3600);
  });
  test('bears nonsense', () =>
    expect(of('range=forever&from=x&to=y')).toEqual({ from: now - 3600, to: now, range: 3600 }));
});

test('a step is round, never finer than the sampling, and gives no more points than asked for', () => {
  expect(stepFor(60)).toBe(10);
  expect(stepFor(3600)).toBe(10);
  expect(stepFor(86_400)).toBe(300);
  expect(stepFor(30 * 86_400)).toBe(7200);
  for (const span of [100, 3600, 7 * 86_400, 400 * 86_400, 5000 * 86_400])
    expect(span / stepFor(span)).toBeLessThanOrEqual(360);
});

test('times are written in the zone that was asked for', () => {
  const ms = Date.UTC(2026, 10, 23, 5, 7, 9);
  expect(formatTime(ms, 'UTC')).toBe('2026-11-23 05:07:09');
  expect(formatTime(ms, 'UTC', 'minute')).toBe('2026-11-23 05:07');
  expect(formatTime(ms, 'UTC', 'time')).toBe('05:07:09');
  expect(formatTime(ms, 'UTC', 'date')).toBe('2026-11-23');
  const here = new Date(ms);
  expect(formatTime(ms, 'local', 'time')).toBe(
    [here.getHours(), here.getMinutes(), here.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':'),
  );
});

test.each([
  [-5, '0 s'],
  [12, '12 s'],
  [99, '99 s'],
  [150, '3 min'],
  [5 * 3600, '5 h'],
  [3 * 86_400, '3 d'],
])('%d seconds ago reads %s', (s, want) => expect(since(1e12, 1e12 + s * 1000)).toBe(want));
