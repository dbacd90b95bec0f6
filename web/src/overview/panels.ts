import type { Panel } from '../chart/ChartCard';
import { realDevices, realDisks } from '../host/noise';
import { rateWindow } from '../host/panel';
import { quote } from '../metric/promql';

/** Matches any of the instances in PromQL. */
export const anyOf = (instances: string[]) =>
  `instance=~${quote(instances.map((i) => i.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'))}`;

/** From how many hosts on the charts of all of them are drawn more coarsely, so that they cost the collector little. */
const many = 300;

/** How many points the charts of a fleet have over a span in seconds. */
export function pointsFor(hosts: number, seconds: number): number {
  if (hosts > many) return seconds > 6 * 3600 ? 30 : 60;
  return hosts > many / 10 ? 180 : 360;
}

/** What rates over a fleet look back over: of many hosts a part of each step says enough. */
export const fleetWindow = (hosts: number, step: number) => (hosts > many ? '2m' : rateWindow(step, 30));

type Busy = { cpu: string[]; memory: string[] };

/** The charts of a whole fleet. `busiest` are the hosts that get lines of their own; all others are in the averages and sums. */
export function fleetPanels(window: string, busiest: Busy, points: number): Panel[] {
  const rate = (selector: string) => `rate(${selector}[${window}])`;
  const name = (l: { instance?: string }) => l.instance ?? '';
  const later = true;
  const idle = (match = '') => rate(`node_cpu_seconds_total{mode="idle"${match && `,${match}`}}`);
  const memory = (match = '') =>
    `1 - node_memory_MemAvailable_bytes${match && `{${match}}`} / node_memory_MemTotal_bytes${match && `{${match}}`}`;
  return [
    {
      title: 'CPU used',
      help: 'The average of all hosts, and the hosts that are busiest now.',
      sources: [
        { query: `1 - avg(${idle()})`, name: 'all hosts' },
        ...(busiest.cpu.length > 0
          ? [{ query: `1 - avg by (instance) (${idle(anyOf(busiest.cpu))})`, name, later }]
          : []),
      ],
      unit: 'ratio',
      bounds: { min: 0, max: 1 },
      points,
    },
    {
      title: 'Memory used',
      help: 'The share of the memory of all hosts together, and the hosts with the least left now.',
      sources: [
        {
          query: '1 - sum(node_memory_MemAvailable_bytes) / sum(node_memory_MemTotal_bytes)',
          name: 'all hosts',
        },
        ...(busiest.memory.length > 0 ? [{ query: memory(anyOf(busiest.memory)), name, later }] : []),
      ],
      unit: 'ratio',
      bounds: { min: 0, max: 1 },
      points,
    },
    {
      title: 'Network',
      help: 'All hosts together, without devices that carry what others carry.',
      sources: [
        { query: `8 * sum(${rate(`node_network_receive_bytes_total{${realDevices}}`)})`, name: 'in' },
        { query: `8 * sum(${rate(`node_network_transmit_bytes_total{${realDevices}}`)})`, name: 'out' },
      ],
      unit: 'bits/s',
      points,
    },
    {
      title: 'Disks',
      help: 'All hosts together.',
      sources: [
        { query: `sum(${rate(`node_disk_read_bytes_total{${realDisks}}`)})`, name: 'read' },
        { query: `sum(${rate(`node_disk_written_bytes_total{${realDisks}}`)})`, name: 'written' },
      ],
      unit: 'bytes/s',
      points,
    },
  ];
}
