import { expect, test } from 'vitest';
import { guessUnit, sameUnit } from './unit';

test.each([
  ['node_load1', 'none'],
  ['node_memory_MemFree_bytes', 'bytes'],
  ['rate(node_network_receive_bytes_total{device!="lo"}[5m])', 'bytes/s'],
  ['sum by (instance) (rate(node_network_receive_bytes_total[5m])) * 8', 'bits/s'],
  ['increase(node_network_receive_bytes_total[1h])', 'bytes'],
  ['1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))', 'ratio'],
  ['100 * (1 - avg(rate(node_cpu_seconds_total{mode="idle"}[5m])))', 'none'],
  ['1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes', 'ratio'],
  ['topk(5, 1 - node_filesystem_avail_bytes / node_filesystem_size_bytes)', 'ratio'],
  ['node_memory_MemFree_bytes / 1024', 'none'],
  ['rate(http_requests_total[5m])', 'ops/s'],
  ['rate(http_request_duration_seconds_count[5m])', 'ops/s'],
  ['histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))', 'seconds'],
  ['rate(http_request_duration_seconds_sum[5m]) / rate(http_request_duration_seconds_count[5m])', 'seconds'],
  ['count by (instance) (node_cpu_seconds_total)', 'none'],
  ['node_load1 / count by (instance, job) (node_cpu_seconds_total{mode="idle"})', 'none'],
  ['node_hwmon_temp_celsius{chip="a_bytes"}', 'celsius'],
  ['node_memory_MemFree_bytes + node_memory_Cached_bytes', 'bytes'],
  ['node_memory_MemFree_bytes or node_load1', 'none'],
  ['', 'none'],
  ['rate(', 'none'],
])('%s is %s', (query, unit) => expect(guessUnit(query)).toBe(unit));

test('metrics that were found tell their unit when they agree', () => {
  expect(sameUnit(['node_memory_MemFree_bytes', 'node_memory_Cached_bytes'])).toBe('bytes');
  expect(sameUnit(['node_memory_MemFree_bytes', 'node_load1'])).toBeUndefined();
  expect(sameUnit(['node_memory_MemFree_bytes', undefined])).toBeUndefined();
  expect(sameUnit([])).toBeUndefined();
});
