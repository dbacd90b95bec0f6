import { expect, test } from 'vitest';
import { digits, format, unitOf } from './number';

test.each([
  [0, '0'],
  [0.1 + 0.2, '0.3'],
  [12.345, '12.3'],
  [-12.345, '-12.3'],
  [123.456, '123'],
  [123_456, '123456'],
  [0.00012, '0.00012'],
  [0.00001, '1.00e-5'],
  [2e15, '2.00e+15'],
])('%d has the digits %s', (v, want) => expect(digits(v)).toBe(want));

test.each([
  [1536, 'bytes', '1.5 KiB'],
  [1023.9, 'bytes', '1 KiB'],
  [-2048, 'bytes', '-2 KiB'],
  [5 * 1024 ** 6, 'bytes', '5 EiB'],
  [1500, 'bytes/s', '1.46 KiB/s'],
  [1e9, 'bits/s', '1 Gbit/s'],
  [999.6, 'ops/s', '1 k/s'],
  [3.2e9, 'hertz', '3.2 GHz'],
  [0.123, 'ratio', '12.3 %'],
  [21.55, 'celsius', '21.6 °C'],
  [1_234_567, 'none', '1.23 M'],
  [42, 'none', '42'],
] as const)('%d %s reads %s', (v, unit, want) => expect(format(v, unit)).toBe(want));

test.each([
  [0, '0 s'],
  [3e-9, '3 ns'],
  [12e-6, '12 µs'],
  [0.25, '250 ms'],
  [90, '90 s'],
  [600, '10 min'],
  [7200, '2 h'],
  [86_400 * 3, '3 d'],
])('%d seconds read %s', (v, want) => expect(format(v, 'seconds')).toBe(want));

test('what is no number has a sign of its own', () => {
  expect(
    [null, undefined, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((v) => format(v)),
  ).toEqual(['–', '–', '–', '∞', '-∞']);
});

test.each([
  ['node_memory_used_bytes', false, 'bytes'],
  ['node_network_receive_bytes_total', true, 'bytes/s'],
  ['node_cpu_seconds_total', true, 'ratio'],
  ['http_request_duration_seconds_sum', false, 'seconds'],
  ['node_hwmon_temp_celsius', false, 'celsius'],
  ['up', false, 'none'],
  ['http_requests_total', true, 'ops/s'],
] as const)('%s (rate: %s) counts %s', (name, rate, want) => expect(unitOf(name, rate)).toBe(want));
