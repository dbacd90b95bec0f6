import { Anchor, Button, Checkbox, Group, NativeSelect, Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { useHref, useUrlParams } from '../lib/url';
import { Box, Copy, SearchX, X } from '../ui/icons';
import { Page } from '../ui/Page';
import { SearchInput } from '../ui/SearchInput';
import { Empty, Shown } from '../ui/State';
import classes from './Items.module.css';
import { ItemTable } from './ItemTable';
import { type Class, type ItemFilter, useClasses, useItem } from './item';
import { type Branch, totalOf, treeOf } from './tree';

/** Everything that the CMDB knows: its classes, and the items of one. */
export function ItemsPage() {
  const known = useClasses();
  return (
    <Page title="CMDB">
      <Shown query={known}>{(all) => (totalOf(all) === 0 ? <Nothing /> : <Found all={all} />)}</Shown>
    </Page>
  );
}

function Nothing() {
  const link = useHref();
  return (
    <Empty
      icon={Box}
      title="No items yet"
      action={
        <Button component={Link} href={link('/fleet/enrol')}>
          Enrol a host
        </Button>
      }
    >
      An item is a thing you keep account of: a server, a disk, an application. Agents report their hosts and what they
      find on them within minutes; <code>picket import items</code> takes spreadsheets.
    </Empty>
  );
}

function Found({ all }: { all: Class[] }) {
  const [params, change] = useUrlParams();
  const empty = params.get('empty') === 'yes';
  const chosen = params.get('class') ?? '';
  const lines = useMemo(() => treeOf(all, empty), [all, empty]);
  const filter: ItemFilter = {
    class: chosen || undefined,
    search: params.get('search') || undefined,
    duplicates: params.get('duplicates') === 'yes' || undefined,
    host: params.get('on') || undefined,
  };
  const label = all.find((c) => c.name === chosen)?.label ?? 'All items';
  return (
    <div className={classes.panes}>
      <Tree lines={lines} total={totalOf(all)} chosen={chosen} empty={empty} />
      <Stack gap="sm" miw={0}>
        <Group gap="xs" role="group" aria-label="Filters">
          <Choose lines={lines} total={totalOf(all)} chosen={chosen} />
          <SearchInput label="Search items" placeholder="Name, address, serial number…" w={290} />
          <Button
            size="compact-sm"
            variant={filter.duplicates ? 'light' : 'default'}
            aria-pressed={Boolean(filter.duplicates)}
            leftSection={<Copy size={14} aria-hidden />}
            title="Items that may be the same as another"
            onClick={() => change({ duplicates: filter.duplicates ? undefined : 'yes' }, true)}
          >
            duplicates
          </Button>
          {filter.host && <OnHost id={filter.host} />}
        </Group>
        <ItemTable label={label} filter={filter} maxHeight="calc(100vh - 225px)" empty={<NoMatch filter={filter} />} />
      </Stack>
    </div>
  );
}

function NoMatch({ filter }: { filter: ItemFilter }) {
  const [, change] = useUrlParams();
  const none = { search: undefined, class: undefined, duplicates: undefined, on: undefined };
  return (
    <Empty
      icon={SearchX}
      title={filter.duplicates && !filter.search ? 'There are no duplicates' : 'No item matches'}
      action={
        <Anchor component="button" type="button" onClick={() => change(none, true)}>
          Show all items
        </Anchor>
      }
    >
      {filter.duplicates && !filter.search
        ? 'When a report fits several items, they stand here until you say whether they are one.'
        : 'All words of the search must be part of an item’s name, address, serial number or description.'}
    </Empty>
  );
}

function OnHost({ id }: { id: string }) {
  const host = useItem(id, '');
  const [, change] = useUrlParams();
  return (
    <Button
      size="compact-sm"
      variant="light"
      rightSection={<X size={14} aria-hidden />}
      aria-label={`Only on ${host.data?.name ?? id}: show all`}
      onClick={() => change({ on: undefined }, true)}
    >
      on {host.data?.name ?? id}
    </Button>
  );
}

type TreeProps = { lines: Branch[]; total: number; chosen: string };

function Tree({ lines, total, chosen, empty }: TreeProps & { empty: boolean }) {
  const [params, change] = useUrlParams();
  const link = useHref();
  const to = (name?: string) =>
    link('/cmdb', {
      class: name,
      search: params.get('search') ?? undefined,
      duplicates: params.get('duplicates') ?? undefined,
      on: params.get('on') ?? undefined,
      empty: params.get('empty') ?? undefined,
    });
  return (
    <nav aria-label="Classes" className={classes.tree}>
      <ul>
        <li>
          <Link href={to()} className={classes.line} aria-current={chosen === '' ? 'page' : undefined}>
            All items <span className={classes.number}>{total}</span>
          </Link>
        </li>
        {lines.map(({ class: c, depth }) => (
          <li key={c.name}>
            <Link
              href={to(c.name)}
              className={classes.line}
              aria-current={chosen === c.name ? 'page' : undefined}
              style={{ paddingLeft: 8 + 14 * depth }}
              title={c.name}
            >
              {c.label} <span className={classes.number}>{c.total}</span>
            </Link>
          </li>
        ))}
      </ul>
      <Checkbox
        size="xs"
        m={8}
        label="Show classes without items"
        checked={empty}
        onChange={(e) => change({ empty: e.currentTarget.checked ? 'yes' : undefined }, true)}
      />
    </nav>
  );
}

/** The tree on narrow screens. */
function Choose({ lines, total, chosen }: TreeProps) {
  const [, change] = useUrlParams();
  const data = [
    { value: '', label: `All items (${total})` },
    ...lines.map(({ class: c, depth }) => ({
      value: c.name,
      label: `${'\u2003'.repeat(depth)}${c.label} (${c.total})`,
    })),
  ];
  if (chosen && !data.some((d) => d.value === chosen)) data.push({ value: chosen, label: `${chosen} (0)` });
  return (
    <NativeSelect
      className={classes.choose}
      aria-label="Class"
      data={data}
      value={chosen}
      onChange={(e) => change({ class: e.currentTarget.value || undefined }, true)}
    />
  );
}

/** Why there is nothing in a part of an item's page. */
export function None({ children }: { children: string }) {
  return (
    <Text size="sm" c="dimmed" py="md">
      {children}
    </Text>
  );
}
