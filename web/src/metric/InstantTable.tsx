import { Group, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { memo, useMemo } from 'react';
import { format, type Unit } from '../lib/number';
import { type Column, DataTable } from '../ui/DataTable';
import { Table2 } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { Empty, Loading } from '../ui/State';
import { CopyMenu } from './CopyMenu';
import { commonLabels, csv, letter } from './explore';
import type { InstantAnswer, Labels } from './promql';
import { type Asked, useStable } from './results';
import { Shared } from './Shared';

type Cell = { key: string; letter: string; metric: Labels; text: string; value: number; unit: Unit };

type Props = { asked: Asked<InstantAnswer>[]; at: number; units: Unit[] };

/** Each series' value at the end of the span. */
export const InstantTable = memo(function InstantTable({ asked, at, units }: Props) {
  const formatTime = useFormatTime();
  const answers = useStable(asked.map((a) => a.answer));
  const { rows, labels, common } = useMemo(() => cells(answers, units), [answers, units]);
  const small = useMediaQuery('(max-width: 600px)', false, { getInitialValueInEffect: false });
  const several = answers.filter((a) => a && a.samples.length > 0).length > 1;
  const columns = useMemo(() => columnsOf(labels, common, several, small), [labels, common, several, small]);
  if (asked.every((a) => a.error || !a.runs)) return null;
  if (rows.length === 0 && asked.some((a) => a.fetching)) return <Loading label="Asking" />;
  return (
    <>
      <Group justify="space-between" mb={4}>
        <Text size="sm" c="dimmed" component="div">
          Values at {formatTime(at * 1000)} <Shared common={common} />
        </Text>
        {rows.length > 0 && (
          <CopyMenu csv={() => tableCsv(rows, labels, several)} json={() => JSON.stringify(answers.flatMap(samples))} />
        )}
      </Group>
      <DataTable
        label="Values"
        columns={columns}
        rows={rows}
        rowKey={(r) => r.key}
        minWidth={Math.max(300, columns.length * 130)}
        empty={
          <Empty icon={Table2} title="Nothing at this time">
            No series match, or they had no value in the 5 minutes before.
          </Empty>
        }
      />
    </>
  );
});

const samples = (a: InstantAnswer | undefined) => a?.samples ?? [];

function cells(answers: (InstantAnswer | undefined)[], units: Unit[]) {
  const names = new Set<string>();
  const rows = answers.flatMap((a, q) =>
    samples(a).map(({ metric, value }, i): Cell => {
      for (const k of Object.keys(metric)) names.add(k);
      const text = value[1];
      const number = Number(text.replace('Inf', 'Infinity'));
      return { key: `${q} ${i}`, letter: letter(q), metric, text, value: number, unit: units[q] ?? 'none' };
    }),
  );
  const labels = [...names].sort((a, b) => Number(b === '__name__') - Number(a === '__name__') || a.localeCompare(b));
  return { rows, labels, common: commonLabels(answers.flatMap((a) => (a ? [{ series: a.samples }] : []))) };
}

/** A column for each label that tells rows apart, and the value: first where there is little room. */
function columnsOf(labels: string[], common: Labels, several: boolean, small: boolean): Column<Cell>[] {
  const query: Column<Cell> = {
    key: 'query',
    title: 'Query',
    width: '80px',
    render: (r) => r.letter,
    value: (r) => r.letter,
  };
  const value: Column<Cell> = {
    key: 'value',
    title: 'Value',
    width: 'minmax(110px, 160px)',
    align: 'right',
    descending: true,
    render: (r) => <span title={r.text}>{Number.isNaN(r.value) ? r.text : format(r.value, r.unit, 5)}</span>,
    value: (r) => r.value,
  };
  const own = labels
    .filter((l) => common[l] === undefined)
    .map(
      (l): Column<Cell> => ({
        key: `label.${l}`,
        title: l === '__name__' ? 'Metric' : l,
        width: l === '__name__' ? 'minmax(200px, 2fr)' : 'minmax(110px, 1fr)',
        render: (r) => <span title={r.metric[l]}>{r.metric[l]}</span>,
        value: (r) => r.metric[l],
      }),
    );
  return [...(several ? [query] : []), ...(small ? [value, ...own] : [...own, value])];
}

function tableCsv(rows: Cell[], labels: string[], several: boolean): string {
  const head = [...(several ? ['query'] : []), ...labels, 'value'];
  return csv([
    head,
    ...rows.map((r) => [...(several ? [r.letter] : []), ...labels.map((l) => r.metric[l] ?? ''), r.text]),
  ]);
}
