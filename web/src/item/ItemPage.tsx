import { Alert, Anchor, Button, Group } from '@mantine/core';
import { Link, useParams } from 'wouter';
import { ApiError } from '../api/client';
import { hostPath } from '../host/host';
import { useHref, useUrlParams } from '../lib/url';
import { Box, Clock, Info, Server } from '../ui/icons';
import { Page } from '../ui/Page';
import { useFormatTime } from '../ui/prefs';
import { Empty, Shown } from '../ui/State';
import { TabLinks } from '../ui/TabLinks';
import { Duplicates } from './Duplicates';
import { ItemAttributes } from './ItemAttributes';
import { ItemHistory } from './ItemHistory';
import { ItemRelations } from './ItemRelations';
import { None } from './ItemsPage';
import { Ago, ItemTable } from './ItemTable';
import { type ItemDetail, itemPath, useItem } from './item';

const titles = { attributes: 'Attributes', relations: 'Relations', on: 'On it', history: 'History' } as const;
type Tab = keyof typeof titles;

/** All about one item. */
export function ItemPage() {
  const { id = '' } = useParams<{ id: string }>();
  const [params] = useUrlParams();
  const at = params.get('at') ?? '';
  const item = useItem(id, at);
  if (item.error instanceof ApiError && item.error.status === 404) return <Unknown id={id} at={at} />;
  if (!item.data) {
    return (
      <Page title="Item">
        <Shown query={item}>{() => null}</Shown>
      </Page>
    );
  }
  return <Known item={item.data} at={at} />;
}

function Unknown({ id, at }: { id: string; at: string }) {
  const link = useHref();
  const write = useFormatTime();
  const [params] = useUrlParams();
  return (
    <Page title="Item">
      <Empty
        icon={Box}
        title={at ? `It was not known at ${write(at)}` : 'There is no such item'}
        action={
          <Group gap="xs">
            <Button component={Link} href={link('/cmdb')} variant="default">
              All items
            </Button>
            {at && (
              <Button component={Link} href={link(itemPath(id))} variant="default">
                As it is now
              </Button>
            )}
          </Group>
        }
      >
        {at ? 'Its history begins later.' : 'It may have been deleted; what changed about it until then is kept.'}
      </Empty>
      {!at && params.get('tab') !== 'history' && <ItemHistory id={id} gone />}
    </Page>
  );
}

function Known({ item, at }: { item: ItemDetail; at: string }) {
  const [params] = useUrlParams();
  const link = useHref();
  const asked = params.get('tab') ?? '';
  const tab = (asked in titles ? asked : 'attributes') as Tab;
  const hanging = item.hanging.reduce((sum, c) => sum + c.count, 0);
  const path = itemPath(item.id);
  return (
    <Page
      title={item.name || item.id}
      part={titles[tab]}
      subtitle={<Line item={item} />}
      actions={
        item.agent && (
          <Button
            component={Link}
            href={link(hostPath(item.agent.instance))}
            variant="default"
            size="compact-sm"
            leftSection={<Server size={15} aria-hidden />}
          >
            Host
          </Button>
        )
      }
    >
      {at && <Past id={item.id} at={at} />}
      {item.merged_into && <Merged item={item} />}
      {!at && <Duplicates item={item} />}
      <TabLinks
        label="Parts of this item"
        current={tab}
        tabs={(Object.keys(titles) as Tab[]).map((t) => ({
          name: t,
          title: t === 'on' && hanging > 0 ? `${titles[t]} (${hanging})` : titles[t],
          href: link(path, { tab: t === 'attributes' ? undefined : t, at: at || undefined }),
        }))}
      />
      {tab === 'attributes' && <ItemAttributes item={item} past={at !== ''} />}
      {tab === 'relations' && <ItemRelations id={item.id} />}
      {tab === 'on' && <Hanging item={item} />}
      {tab === 'history' && <ItemHistory id={item.id} of={item.class} />}
    </Page>
  );
}

function Line({ item }: { item: ItemDetail }) {
  const link = useHref();
  return (
    <>
      <Anchor component={Link} href={link('/cmdb', { class: item.class })} size="sm" underline="always">
        {item.class_label}
      </Anchor>
      {item.host && (
        <>
          {' on '}
          <Anchor component={Link} href={link(itemPath(item.host))} size="sm" underline="always">
            {item.host_name || item.host}
          </Anchor>
        </>
      )}
      {item.discovery_source && (
        <>
          {` · ${item.discovery_source}`}
          {item.last_discovered && (
            <>
              , <Ago time={item.last_discovered} /> ago
            </>
          )}
        </>
      )}
    </>
  );
}

function Past({ id, at }: { id: string; at: string }) {
  const link = useHref();
  const write = useFormatTime();
  const [params] = useUrlParams();
  return (
    <Alert color="blue" variant="light" mb="sm" icon={<Clock size={18} aria-hidden />}>
      Attributes as they were known at {write(at)}.{' '}
      <Anchor
        component={Link}
        href={link(itemPath(id), { tab: params.get('tab') ?? undefined })}
        inherit
        underline="always"
      >
        As it is now
      </Anchor>
    </Alert>
  );
}

function Merged({ item }: { item: ItemDetail }) {
  const link = useHref();
  return (
    <Alert color="blue" variant="light" mb="sm" icon={<Info size={18} aria-hidden />}>
      It is part of{' '}
      <Anchor component={Link} href={link(itemPath(item.merged_into ?? ''))} inherit underline="always">
        {item.main_name || item.merged_into}
      </Anchor>{' '}
      since a merge: what sources say of it counts there.
    </Alert>
  );
}

function Hanging({ item }: { item: ItemDetail }) {
  const [params, change] = useUrlParams();
  const chosen = params.get('class') ?? '';
  if (item.hanging.length === 0) return <None>Nothing hangs on it.</None>;
  return (
    <>
      <Group gap="xs" mb="sm" role="group" aria-label="Classes">
        {[{ class: '', label: 'all', count: 0 }, ...item.hanging].map((c) => (
          <Button
            key={c.class}
            size="compact-sm"
            variant={chosen === c.class ? 'light' : 'default'}
            aria-pressed={chosen === c.class}
            onClick={() => change({ class: c.class || undefined }, true)}
          >
            {c.label} {c.class && c.count}
          </Button>
        ))}
      </Group>
      <ItemTable
        label={`On ${item.name}`}
        filter={{ host: item.id, class: chosen || undefined }}
        maxHeight="65vh"
        onHost
        empty={<None>None of this class hangs on it.</None>}
      />
    </>
  );
}
