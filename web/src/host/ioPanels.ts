import { realFileSystems, shownDevices, shownDisks } from './noise';
import { spaceUsed } from './numbers';
import { by, type PanelGroup, type Select, share } from './panel';

/** The charts of a host's disks and file systems; `i` selects the host. */
export function disk(i: string, s: Select, rate: Select): PanelGroup {
  const both = (reads: string, writes: string) => [
    { query: rate(reads, shownDisks), name: by('device', 'read') },
    { query: rate(writes, shownDisks), name: by('device', 'write') },
  ];
  return {
    key: 'disk',
    title: 'Disk',
    panels: [
      {
        title: 'Space used',
        help: 'As df counts: of what is not kept for root.',
        sources: [{ query: spaceUsed(i), name: by('mountpoint') }],
        unit: 'ratio',
        bounds: share,
      },
      {
        title: 'Space free',
        sources: [{ query: s('node_filesystem_avail_bytes', realFileSystems), name: by('mountpoint') }],
        unit: 'bytes',
        bounds: { min: 0 },
      },
      {
        title: 'Inodes used',
        help: 'A file system without free inodes takes no new files, however much space there is.',
        sources: [
          {
            query: `1 - ${s('node_filesystem_files_free', realFileSystems)} / (${s('node_filesystem_files', realFileSystems)} > 0)`,
            name: by('mountpoint'),
          },
        ],
        unit: 'ratio',
        bounds: share,
      },
      {
        title: 'Read and written',
        sources: both('node_disk_read_bytes_total', 'node_disk_written_bytes_total'),
        unit: 'bytes/s',
      },
      {
        title: 'Reads and writes',
        sources: both('node_disk_reads_completed_total', 'node_disk_writes_completed_total'),
        unit: 'ops/s',
      },
      {
        title: 'Disk busy',
        help: 'The share of time in which at least one request was under way. Disks that serve many at once can be busy and have room.',
        sources: [{ query: rate('node_disk_io_time_seconds_total', shownDisks), name: by('device') }],
        unit: 'ratio',
        bounds: { min: 0 },
      },
      {
        title: 'Time of a request',
        help: 'On average, with the wait in the queue. There is no value while nothing was read or written.',
        sources: [
          {
            query: `${rate('node_disk_read_time_seconds_total', shownDisks)} / ${rate('node_disk_reads_completed_total', shownDisks)}`,
            name: by('device', 'read'),
          },
          {
            query: `${rate('node_disk_write_time_seconds_total', shownDisks)} / ${rate('node_disk_writes_completed_total', shownDisks)}`,
            name: by('device', 'write'),
          },
        ],
        unit: 'seconds',
      },
      {
        title: 'Requests under way',
        help: 'On average, queued ones included.',
        sources: [{ query: rate('node_disk_io_time_weighted_seconds_total', shownDisks), name: by('device') }],
      },
    ],
  };
}

/** The charts of a host's network. */
export function network(s: Select, rate: Select): PanelGroup {
  const devices = (name: string) => rate(`node_network_${name}_total`, shownDevices);
  return {
    key: 'network',
    title: 'Network',
    panels: [
      {
        title: 'Received and sent',
        sources: [
          { query: `8 * ${devices('receive_bytes')}`, name: by('device', 'in') },
          { query: `8 * ${devices('transmit_bytes')}`, name: by('device', 'out') },
        ],
        unit: 'bits/s',
      },
      {
        title: 'Packets',
        sources: [
          { query: devices('receive_packets'), name: by('device', 'in') },
          { query: devices('transmit_packets'), name: by('device', 'out') },
        ],
        unit: 'ops/s',
      },
      {
        title: 'Errors and drops',
        help: 'Packets lost at the device, in and out together.',
        sources: [
          { query: `${devices('receive_errs')} + ${devices('transmit_errs')}`, name: by('device', 'errors') },
          { query: `${devices('receive_drop')} + ${devices('transmit_drop')}`, name: by('device', 'drops') },
        ],
        unit: 'ops/s',
      },
      {
        title: 'TCP connections',
        sources: [
          { query: s('node_netstat_Tcp_CurrEstab'), name: 'open' },
          { query: s('node_sockstat_TCP_tw'), name: 'just closed (time wait)' },
          { query: s('node_sockstat_TCP_orphan'), name: 'without a process' },
        ],
      },
      {
        title: 'TCP connections made',
        sources: [
          { query: rate('node_netstat_Tcp_ActiveOpens'), name: 'to others' },
          { query: rate('node_netstat_Tcp_PassiveOpens'), name: 'from others' },
          { query: rate('node_netstat_Tcp_OutRsts'), name: 'refused or reset' },
          { query: rate('node_netstat_TcpExt_ListenOverflows'), name: 'no room in the queue' },
        ],
        unit: 'ops/s',
      },
      {
        title: 'TCP sent again',
        help: 'The share of segments that had to be sent again: above a few percent the network loses packets.',
        sources: [
          {
            query: `${rate('node_netstat_Tcp_RetransSegs')} / (${rate('node_netstat_Tcp_OutSegs')} > 0)`,
            name: 'sent again',
          },
        ],
        unit: 'ratio',
      },
      {
        title: 'Sockets',
        sources: [
          { query: s('node_sockstat_sockets_used'), name: 'all' },
          { query: s('node_sockstat_TCP_inuse'), name: 'TCP' },
          { query: s('node_sockstat_UDP_inuse'), name: 'UDP' },
        ],
      },
      {
        title: 'UDP lost',
        sources: [
          { query: rate('node_netstat_Udp_InErrors'), name: 'errors' },
          { query: rate('node_netstat_Udp_RcvbufErrors'), name: 'no room to receive' },
          { query: rate('node_netstat_Udp_SndbufErrors'), name: 'no room to send' },
          { query: rate('node_netstat_Udp_NoPorts'), name: 'nobody listens' },
        ],
        unit: 'ops/s',
      },
    ],
  };
}
