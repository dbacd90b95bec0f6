import type { Panel } from '../chart/ChartCard';
import { type Labels, quote } from '../metric/promql';
import { disk, network } from './ioPanels';
import { by, type PanelGroup, type Select, share } from './panel';

/** What a CPU does, from the bottom of the stack up. */
const modes = ['user', 'nice', 'system', 'softirq', 'irq', 'iowait', 'steal'];

/** The charts of a host. `window` is what rates look back over. */
export function hostPanels(instance: string, window: string): PanelGroup[] {
  const i = `instance=${quote(instance)}`;
  const s = (name: string, more = '') => `${name}{${i}${more && `,${more}`}}`;
  const rate = (name: string, more = '') => `rate(${s(name, more)}[${window}])`;
  return [
    cpu(s, rate),
    memory(s, rate, window),
    disk(i, s, rate),
    network(s, rate),
    pressure(rate),
    processes(s, rate),
    { key: 'services', title: 'Services', needs: 'node_systemd_', panels: services(s) },
    { key: 'sensors', title: 'Sensors', needs: 'node_hwmon_', panels: sensors(s) },
  ];
}

function cpu(s: Select, rate: Select): PanelGroup {
  const idle = s('node_cpu_seconds_total', 'mode="idle"');
  return {
    key: 'cpu',
    title: 'CPU',
    panels: [
      {
        title: 'CPU used, by what',
        help: 'The share of all CPUs together. iowait waits for disks; steal was taken by the hypervisor.',
        sources: [
          {
            query: `sum by (mode) (${rate('node_cpu_seconds_total', 'mode!="idle"')}) / scalar(count(${idle}))`,
            name: by('mode'),
          },
        ],
        unit: 'ratio',
        stacked: true,
        bounds: share,
        order: modes,
      },
      {
        title: 'Each CPU',
        help: 'How busy each CPU was: one that is full while others idle is one thread’s limit.',
        sources: [
          {
            query: `clamp_min(1 - ${rate('node_cpu_seconds_total', 'mode="idle"')}, 0)`,
            name: (l) => `CPU ${l.cpu}`,
          },
        ],
        unit: 'ratio',
        bounds: share,
      },
      {
        title: 'Load',
        help: 'Tasks that run or wait, on average. Above the number of CPUs, tasks wait.',
        sources: [
          { query: s('node_load1'), name: '1 min' },
          { query: s('node_load5'), name: '5 min' },
          { query: s('node_load15'), name: '15 min' },
          { query: `count(${idle})`, name: 'CPUs' },
        ],
      },
    ],
  };
}

function memory(s: Select, rate: Select, window: string): PanelGroup {
  const m = (name: string) => s(`node_memory_${name}_bytes`);
  return {
    key: 'memory',
    title: 'Memory',
    panels: [
      {
        title: 'Memory, by what',
        help: 'Cached and buffers are given up when programs need memory; used is not.',
        sources: [
          {
            query: `${m('MemTotal')} - ${m('MemFree')} - ${m('Buffers')} - ${m('Cached')} - ${m('SReclaimable')}`,
            name: 'used',
          },
          { query: `${m('Cached')} + ${m('SReclaimable')}`, name: 'cached' },
          { query: m('Buffers'), name: 'buffers' },
          { query: m('MemFree'), name: 'free' },
        ],
        unit: 'bytes',
        stacked: true,
        bounds: { min: 0 },
      },
      {
        title: 'Memory and swap used',
        help: 'The share that programs could not get. Swap in use harms little; swapping does.',
        sources: [
          { query: `1 - ${m('MemAvailable')} / ${m('MemTotal')}`, name: 'memory' },
          { query: `1 - ${m('SwapFree')} / (${m('SwapTotal')} > 0)`, name: 'swap' },
        ],
        unit: 'ratio',
        bounds: share,
      },
      {
        title: 'Swapping and faults from disk',
        help: 'Pages read back from swap or disk because memory was short. Steady swapping slows everything.',
        sources: [
          { query: rate('node_vmstat_pswpin'), name: 'swapped in' },
          { query: rate('node_vmstat_pswpout'), name: 'swapped out' },
          { query: rate('node_vmstat_pgmajfault'), name: 'major faults' },
        ],
        unit: 'ops/s',
      },
      {
        title: 'Page faults',
        sources: [{ query: rate('node_vmstat_pgfault'), name: 'page faults' }],
        unit: 'ops/s',
      },
      {
        title: 'Killed for want of memory',
        help: 'Processes that the kernel killed because memory ran out, in the time before each point.',
        sources: [{ query: `increase(${s('node_vmstat_oom_kill')}[${window}])`, name: 'killed' }],
      },
      {
        title: 'Kernel and unwritten',
        sources: [
          { query: m('Slab'), name: 'slab' },
          { query: m('PageTables'), name: 'page tables' },
          { query: `${m('Dirty')} + ${m('Writeback')}`, name: 'not yet written' },
          { query: m('Shmem'), name: 'shared' },
        ],
        unit: 'bytes',
      },
    ],
  };
}

function pressure(rate: Select): PanelGroup {
  const none = 'This kernel does not measure pressure (it needs PSI: boot with psi=1).';
  const of = (what: string) => ({ query: rate(`node_pressure_${what}_seconds_total`) });
  return {
    key: 'pressure',
    title: 'Pressure',
    panels: [
      {
        title: 'Waited for CPU',
        help: 'The share of time in which some task could have run and had no CPU.',
        sources: [{ ...of('cpu_waiting'), name: 'some tasks' }],
        unit: 'ratio',
        none,
      },
      {
        title: 'Waited for memory',
        help: 'The share of time in which some, or all, tasks waited for memory.',
        sources: [
          { ...of('memory_waiting'), name: 'some tasks' },
          { ...of('memory_stalled'), name: 'all tasks' },
        ],
        unit: 'ratio',
        none,
      },
      {
        title: 'Waited for disks',
        help: 'The share of time in which some, or all, tasks waited for reading or writing.',
        sources: [
          { ...of('io_waiting'), name: 'some tasks' },
          { ...of('io_stalled'), name: 'all tasks' },
        ],
        unit: 'ratio',
        none,
      },
    ],
  };
}

function processes(s: Select, rate: Select): PanelGroup {
  return {
    key: 'processes',
    title: 'Processes',
    panels: [
      {
        title: 'Running and blocked',
        help: 'Blocked tasks wait for a disk or the like and cannot be interrupted.',
        sources: [
          { query: s('node_procs_running'), name: 'running' },
          { query: s('node_procs_blocked'), name: 'blocked' },
        ],
      },
      {
        title: 'Processes made',
        sources: [{ query: rate('node_forks_total'), name: 'new processes and threads' }],
        unit: 'ops/s',
      },
      {
        title: 'Context switches and interrupts',
        sources: [
          { query: rate('node_context_switches_total'), name: 'context switches' },
          { query: rate('node_intr_total'), name: 'interrupts' },
        ],
        unit: 'ops/s',
      },
      {
        title: 'Open files',
        help: 'File descriptors of the whole host. The limit is drawn where it is near enough to matter.',
        sources: [
          { query: s('node_filefd_allocated'), name: 'open' },
          {
            query: `${s('node_filefd_maximum')} < 20 * ${s('node_filefd_allocated')}`,
            name: 'limit',
          },
        ],
      },
    ],
  };
}

function services(s: Select): Panel[] {
  return [
    {
      title: 'Units by state',
      sources: [{ query: s('node_systemd_units'), name: by('state') }],
      none: 'systemd told nothing in this time.',
    },
    {
      title: 'Failed units',
      help: 'systemctl status says why a unit failed.',
      sources: [{ query: `${s('node_systemd_unit_state', 'state="failed"')} == 1`, name: by('name') }],
      none: 'No unit failed in this time.',
    },
  ];
}

function sensors(s: Select): Panel[] {
  const of = (l: Labels) => `${l.chip ?? ''} ${l.sensor ?? ''}`.trim();
  return [
    {
      title: 'Temperature',
      sources: [{ query: s('node_hwmon_temp_celsius'), name: of }],
      unit: 'celsius',
      none: 'This host has no sensors of temperature.',
    },
    {
      title: 'Fans, turns a minute',
      sources: [{ query: s('node_hwmon_fan_rpm'), name: of }],
      none: 'This host has no sensors of fans.',
    },
  ];
}
