import { Table } from '@mantine/core';
import { format, type Unit } from '../lib/number';
import { formatTime } from '../lib/time';
import { useZone } from '../ui/prefs';
import type { Line } from './plot';

type Props = { label: string; times: number[]; lines: Line[]; unit: Unit };

/** What a chart shows, in numbers: the table that every chart can become. */
export function ValueTable({ label, times, lines, unit }: Props) {
  const [zone] = useZone();
  const every = Math.max(1, Math.ceil(times.length / 60));
  const rows = times
    .map((t, i) => ({ t, i }))
    .filter(({ i }) => (times.length - 1 - i) % every === 0)
    .reverse();
  return (
    <Table.ScrollContainer minWidth={300} mah={360}>
      <Table stickyHeader striped fz="xs" aria-label={label} verticalSpacing={3}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Time</Table.Th>
            {lines.map((l) => (
              <Table.Th key={l.label} ta="right">
                {l.label}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(({ t, i }) => (
            <Table.Tr key={t}>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>{formatTime(t * 1000, zone)}</Table.Td>
              {lines.map((l) => (
                <Table.Td key={l.label} ta="right">
                  {format(l.values[i], unit)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
