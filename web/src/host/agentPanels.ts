import type { Panel } from '../chart/ChartCard';
import { quote } from '../metric/promql';

/** The charts of a host's agent. */
export function agentPanels(instance: string, window: string): Panel[] {
  const s = (name: string) => `picket_agent_${name}{instance=${quote(instance)}}`;
  const rate = (name: string) => `rate(${s(name)}[${window}])`;
  return [
    {
      title: 'Delivery lag',
      help: 'How old the oldest record is that waits in the spool, by class.',
      sources: [{ query: s('spool_lag_seconds'), name: (l) => l.class ?? '' }],
      unit: 'seconds',
    },
    {
      title: 'Spool',
      help: 'What waits on the host’s disk to be delivered, by class.',
      sources: [{ query: s('spool_bytes'), name: (l) => l.class ?? '' }],
      unit: 'bytes',
    },
    {
      title: 'CPU of the agent',
      help: 'The share of one CPU.',
      sources: [{ query: rate('cpu_seconds_total'), name: 'CPU' }],
      unit: 'ratio',
    },
    {
      title: 'Memory of the agent',
      sources: [{ query: s('resident_memory_bytes'), name: 'resident' }],
      unit: 'bytes',
    },
    {
      title: 'Sent and received',
      help: 'At the socket, with encryption.',
      sources: [
        { query: `8 * ${rate('wire_sent_bytes_total')}`, name: 'sent' },
        { query: `8 * ${rate('wire_received_bytes_total')}`, name: 'received' },
      ],
      unit: 'bits/s',
    },
    {
      title: 'Samples sent',
      sources: [{ query: rate('sent_samples_total'), name: 'samples' }],
      unit: 'ops/s',
    },
    {
      title: 'Time of checks',
      help: 'How long the last run of each check took.',
      sources: [{ query: s('check_duration_seconds'), name: (l) => l.check ?? '' }],
      unit: 'seconds',
    },
    {
      title: 'Clock',
      help: 'How far this host’s clock was ahead of the collector’s when the stream began.',
      sources: [{ query: s('clock_skew_seconds'), name: 'ahead' }],
      unit: 'seconds',
    },
  ];
}
