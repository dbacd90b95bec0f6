import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useLive } from '../live/live';
import { lane, queryInstant, type VectorSample } from '../metric/promql';
import { realDevices, realFileSystems } from './noise';

/** What a host does at present. Ratios are 0 to 1. */
export type Numbers = {
  cpu?: number;
  memory?: number;
  /** Of the fullest file system. */
  disk?: number;
  mount?: string;
  /** The load of the last minute by CPU. */
  load?: number;
  /** Bits per second. */
  in?: number;
  out?: number;
  /** Seconds. */
  uptime?: number;
};

/**
 * Space used as df counts it: used / (used + available), so that what root keeps for itself counts for nobody. Each metric is
 * read once.
 */
export const spaceUsed = (match = '') => {
  const selector = match ? `{${match},${realFileSystems}}` : `{${realFileSystems}}`;
  const of = (name: string) => `node_filesystem_${name}_bytes${selector}`;
  return `1 / (1 + ${of('avail')} / (${of('size')} - ${of('free')}))`;
};

/** The present values of all hosts, one series by host each. */
export const numberQueries = {
  cpu: '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[2m]))',
  memory: '1 - max by (instance) (node_memory_MemAvailable_bytes) / max by (instance) (node_memory_MemTotal_bytes)',
  disk: `topk by (instance) (1, ${spaceUsed()})`,
  load: 'max by (instance) (node_load1) / count by (instance) (node_cpu_seconds_total{mode="idle"})',
  in: `8 * sum by (instance) (rate(node_network_receive_bytes_total{${realDevices}}[2m]))`,
  out: `8 * sum by (instance) (rate(node_network_transmit_bytes_total{${realDevices}}[2m]))`,
  uptime: 'time() - max by (instance) (node_boot_time_seconds)',
} as const;

type Name = keyof typeof numberQueries;

/** Joins the answers to the queries by instance. */
export function joinNumbers(answers: Partial<Record<Name, VectorSample[]>>): Map<string, Numbers> {
  const out = new Map<string, Numbers>();
  for (const [name, samples] of Object.entries(answers) as [Name, VectorSample[]][]) {
    for (const { metric, value } of samples) {
      const v = Number(value[1]);
      if (!metric.instance || Number.isNaN(v)) continue;
      const numbers = out.get(metric.instance) ?? {};
      out.set(metric.instance, numbers);
      numbers[name] = v;
      if (name === 'disk') numbers.mount = metric.mountpoint;
    }
  }
  return out;
}

/** How often the numbers of all hosts are asked for, in seconds: a thousand hosts cost the collector something. */
const every = 15;

/** The present numbers of all hosts by instance, and what could not be asked. */
export function useNumbers() {
  const { now } = useLive();
  const at = Math.floor(now / 1000 / every) * every;
  return useQuery({
    queryKey: ['prom', 'numbers', at],
    queryFn: async ({ signal }) => {
      const names = Object.keys(numberQueries) as Name[];
      const asked = await Promise.allSettled(
        names.map((n) => lane(() => queryInstant(numberQueries[n], at, signal), signal)),
      );
      const failed = asked.find((a) => a.status === 'rejected');
      if (failed && asked.every((a) => a.status === 'rejected')) throw failed.reason;
      const answers = Object.fromEntries(
        asked.flatMap((a, i) => (a.status === 'fulfilled' ? [[names[i], a.value] as const] : [])),
      );
      return { hosts: joinNumbers(answers), error: failed?.reason as unknown };
    },
    placeholderData: keepPreviousData,
    gcTime: 30_000,
  });
}
