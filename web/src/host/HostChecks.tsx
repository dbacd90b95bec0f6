import { Group, Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import { format } from '../lib/number';
import { useUrlParams } from '../lib/url';
import { type Column, DataTable } from '../ui/DataTable';
import { ListChecks, SearchX } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { SearchInput } from '../ui/SearchInput';
import { Empty } from '../ui/State';
import { FilterChip } from './FilterChip';
import type { OneHost } from './host';
import { Ago } from './hostColumns';
import { StatusMark, statuses } from './StatusMark';
import type { AgentNumbers } from './series';

type Result = OneHost['results'][number];

/** A result with what the agent tells of its check. */
type Row = Result & { runs?: number; failures: number; took?: number };

/** Joins results with what the agent tells of their checks; the worst first. */
export function joinResults(results: Result[], numbers: AgentNumbers | undefined): Row[] {
  return results
    .map((r) => ({
      ...r,
      runs: numbers?.get('check_runs_total', { check: r.check }),
      failures: (numbers?.all('check_failures_total') ?? [])
        .filter((s) => s.metric.check === r.check)
        .reduce((sum, s) => sum + s.value, 0),
      took: numbers?.get('check_duration_seconds', { check: r.check }),
    }))
    .sort(
      (a, b) =>
        rank(a) - rank(b) || a.check.localeCompare(b.check) || (a.resource ?? '').localeCompare(b.resource ?? ''),
    );
}

const rank = (r: Result) => statuses.indexOf(r.status);

function Told({ time }: { time: string }) {
  return <Ago time={time} write={useFormatTime()} />;
}

const columns: Column<Row>[] = [
  { key: 'status', title: 'Status', width: '110px', value: rank, render: (r) => <StatusMark status={r.status} /> },
  { key: 'check', title: 'Check', width: 'minmax(6rem, 0.7fr)', value: (r) => r.check, render: (r) => r.check },
  {
    key: 'resource',
    title: 'About',
    width: 'minmax(7rem, 1fr)',
    value: (r) => r.resource ?? '',
    render: (r) =>
      !r.resource || r.resource === 'check' ? (
        <Text span size="sm" c="dimmed">
          the check itself
        </Text>
      ) : (
        <span title={r.resource}>{r.resource}</span>
      ),
  },
  {
    key: 'output',
    title: 'What it found',
    width: 'minmax(14rem, 3fr)',
    value: (r) => r.output,
    render: (r) => <span title={r.output}>{r.output}</span>,
  },
  {
    key: 'time',
    title: 'Told',
    width: '104px',
    align: 'right',
    descending: true,
    value: (r) => Date.parse(r.time),
    render: (r) => <Told time={r.time} />,
  },
  {
    key: 'runs',
    title: 'Runs',
    width: '74px',
    align: 'right',
    descending: true,
    value: (r) => r.runs,
    render: (r) => format(r.runs),
  },
  {
    key: 'failures',
    title: 'Failed runs',
    width: '94px',
    align: 'right',
    descending: true,
    value: (r) => r.failures,
    render: (r) => format(r.failures),
  },
  {
    key: 'took',
    title: 'Took',
    width: '84px',
    align: 'right',
    descending: true,
    value: (r) => r.took ?? r.duration_us / 1e6,
    render: (r) => format(r.took ?? r.duration_us / 1e6, 'seconds'),
  },
];

/** What a host's checks found last, the worst first. */
export function HostChecks({ host, numbers }: { host: OneHost; numbers: AgentNumbers | undefined }) {
  const [params, change] = useUrlParams();
  const rows = useMemo(() => joinResults(host.results, numbers), [host.results, numbers]);
  const text = (params.get('search') ?? '').toLowerCase();
  const status = params.get('status') ?? '';
  const shown = rows.filter(
    (r) =>
      (!status || r.status === status) && `${r.check} ${r.resource ?? ''} ${r.output}`.toLowerCase().includes(text),
  );
  const bad = rows.filter((r) => r.status !== 'ok');
  if (rows.length === 0) {
    return (
      <Empty icon={ListChecks} title="No check told anything yet">
        Checks tell what they found within a minute after the agent starts. On the host, picket-agent check list shows
        which there are.
      </Empty>
    );
  }
  return (
    <Stack gap="sm">
      {bad.length > 0 && !status && !text && <Failing rows={bad} />}
      <Group gap="xs">
        <SearchInput label="Search checks" />
        {statuses
          .filter((s) => rows.some((r) => r.status === s))
          .map((s) => (
            <FilterChip
              key={s}
              count={rows.filter((r) => r.status === s).length}
              on={status === s}
              onClick={() => change({ status: status === s ? undefined : s }, true)}
            >
              <StatusMark status={s} />
            </FilterChip>
          ))}
      </Group>
      <DataTable
        label="Checks"
        columns={columns}
        rows={shown}
        rowKey={(r) => r.id}
        minWidth={900}
        empty={<Empty icon={SearchX} title="No check matches" />}
      />
    </Stack>
  );
}

/** What is not ok, with all that was said. */
function Failing({ rows }: { rows: Row[] }) {
  return (
    <Stack gap={8} component="ul" m={0} p={0} style={{ listStyle: 'none' }}>
      {rows.slice(0, 20).map((r) => (
        <Group key={r.id} component="li" gap="sm" align="flex-start" wrap="nowrap">
          <div style={{ flex: 'none', width: 92 }}>
            <StatusMark status={r.status} />
          </div>
          <div style={{ minWidth: 0 }}>
            <Text size="sm" fw={600}>
              {r.check}
              {r.resource && r.resource !== 'check' && ` · ${r.resource}`}
            </Text>
            <Text size="sm" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
              {r.output}
            </Text>
          </div>
        </Group>
      ))}
    </Stack>
  );
}
