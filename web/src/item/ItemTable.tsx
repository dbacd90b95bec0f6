import { Group, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { type ReactNode, useCallback, useMemo } from 'react';
import { Link } from 'wouter';
import { since } from '../lib/time';
import { useHref } from '../lib/url';
import { useNow } from '../live/live';
import { type Column, DataTable } from '../ui/DataTable';
import { Copy } from '../ui/icons';
import plain from '../ui/plain.module.css';
import { useFormatTime } from '../ui/prefs';
import { Shown } from '../ui/State';
import { type Item, type ItemFilter, itemPath, useItems } from './item';

type Props = { filter: ItemFilter; empty: ReactNode; maxHeight: string; label: string; onHost?: boolean };

/** The items of a filter by name; more come when the end is scrolled to. */
export function ItemTable({ filter, empty, maxHeight, label, onHost }: Props) {
  const items = useItems(filter);
  const narrow = useMediaQuery('(max-width: 760px)') ?? false;
  const columns = useColumns(narrow, onHost ?? false);
  const rows = useMemo(() => items.data?.pages.flatMap((p) => p.items), [items.data]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = items;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const link = useHref();
  const total = items.data?.pages[0]?.total ?? 0;
  return (
    <Shown query={{ ...items, data: rows }}>
      {(all) => (
        <>
          <DataTable
            label={label}
            columns={columns}
            rows={all}
            rowKey={(i) => i.id}
            rowHref={(i) => link(itemPath(i.id))}
            maxHeight={maxHeight}
            minWidth={narrow ? undefined : 940}
            empty={empty}
            onEnd={more}
          />
          {all.length > 0 && (
            <Text size="xs" c="dimmed" mt={6} role="status">
              {all.length < total ? `The first ${all.length} of ${total}: scroll for more` : count(total)}
            </Text>
          )}
        </>
      )}
    </Shown>
  );
}

export const count = (n: number) => (n === 1 ? '1 item' : `${n} items`);

function useColumns(narrow: boolean, onHost: boolean): Column<Item>[] {
  const link = useHref();
  return useMemo(() => {
    const all: (Column<Item> & { wide?: true; off?: boolean })[] = [
      {
        key: 'name',
        title: 'Name',
        width: 'minmax(7rem, 2fr)',
        render: (i) => (
          <Group gap={6} wrap="nowrap">
            <Link href={link(itemPath(i.id))} className={plain.link} title={i.name}>
              {i.name || i.id}
            </Link>
            {i.duplicate_of && <Copy size={14} aria-label="may be the same as another" />}
          </Group>
        ),
      },
      {
        key: 'class',
        title: 'Class',
        width: 'minmax(6rem, 1.2fr)',
        render: (i) => (narrow && !onHost && i.host ? `${i.class_label} on ${i.host_name || i.host}` : i.class_label),
      },
      {
        key: 'host',
        title: 'On',
        width: 'minmax(7rem, 1.2fr)',
        wide: true,
        off: onHost,
        render: (i) =>
          i.host ? (
            <Link href={link(itemPath(i.host))} className={plain.link}>
              {i.host_name || i.host}
            </Link>
          ) : null,
      },
      { key: 'address', title: 'Address', width: 'minmax(10rem, 1fr)', wide: true, render: address },
      {
        key: 'serial',
        title: 'Serial number',
        width: 'minmax(7rem, 1fr)',
        wide: true,
        render: (i) => i.attributes.serial_number ?? null,
      },
      { key: 'source', title: 'Source', width: 'minmax(7rem, 1fr)', wide: true, render: (i) => i.discovery_source },
      { key: 'seen', title: 'Seen', width: '90px', align: 'right', render: (i) => <Ago time={i.last_discovered} /> },
    ];
    return all.filter((c) => !(narrow && c.wide) && !c.off);
  }, [narrow, onHost, link]);
}

const address = (i: Item) => i.attributes.ip_address ?? i.attributes.fqdn ?? i.attributes.mac_address ?? null;

/** How long ago something was; the time itself is its title. */
export function Ago({ time }: { time?: string }) {
  const now = useNow();
  const write = useFormatTime();
  if (!time) return null;
  return <span title={write(time)}>{since(Date.parse(time), now)}</span>;
}
