/** Questions to begin with. */
export const examples: { title: string; query: string }[] = [
  {
    title: 'CPU used, per host',
    query: '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
  },
  {
    title: 'Memory used, per host',
    query: '1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes',
  },
  {
    title: 'The 5 fullest filesystems',
    query: 'topk(5, 1 - node_filesystem_avail_bytes / node_filesystem_size_bytes)',
  },
  {
    title: 'Network received, per host',
    query: 'sum by (instance) (rate(node_network_receive_bytes_total{device!="lo"}[5m]))',
  },
  {
    title: 'How busy disks are',
    query: 'rate(node_disk_io_time_seconds_total[5m])',
  },
  {
    title: 'Load compared with CPUs',
    query: 'node_load1 / count by (instance, job) (node_cpu_seconds_total{mode="idle"})',
  },
  {
    title: 'How far agents lag behind',
    query: 'picket_agent_spool_lag_seconds',
  },
  {
    title: 'Hosts that send nothing',
    query: 'up == 0',
  },
];
