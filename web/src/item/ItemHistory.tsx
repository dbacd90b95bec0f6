import { Anchor, Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { useHref, useUrlParams } from '../lib/url';
import { History } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { Shown } from '../ui/State';
import { chooseTime } from './compare';
import classes from './Items.module.css';
import { None } from './ItemsPage';
import {
  type ClassAttribute,
  type ItemAttribute,
  type ItemChange,
  itemPath,
  useClass,
  useClasses,
  useDifference,
  useItemHistory,
} from './item';
import { Value } from './value';

const operations: Record<ItemChange['operation'], string> = {
  insert: 'came to be',
  update: 'changed',
  merge: 'was merged',
  delete: 'was deleted',
};

/** What changed about an item, and what is different between two of these times. */
export function ItemHistory({ id, of, gone }: { id: string; of?: string; gone?: boolean }) {
  const known = useAttributes(of);
  const history = useItemHistory(id);
  const all = useMemo(() => history.data?.pages.flatMap((p) => p.items), [history.data]);
  if (gone && (history.error || all?.length === 0)) return null;
  return (
    <Stack gap="sm">
      {!gone && <Compared id={id} known={known} />}
      <Shown query={{ ...history, data: all }}>
        {(changes) =>
          changes.length === 0 ? (
            <None>Nothing has changed about it.</None>
          ) : (
            <ol className={classes.changes} aria-label="Changes, the newest first">
              {changes.map((c) => (
                <Change key={c.id} id={id} change={c} known={known} gone={gone} />
              ))}
            </ol>
          )
        }
      </Shown>
      {history.hasNextPage && (
        <Button
          variant="default"
          size="compact-sm"
          w="fit-content"
          loading={history.isFetchingNextPage}
          onClick={() => void history.fetchNextPage()}
        >
          Older
        </Button>
      )}
    </Stack>
  );
}

type Attributes = Map<string, ClassAttribute>;

/** The attributes of a class by name, with the class itself as one whose values are classes. */
function useAttributes(of: string | undefined): Attributes {
  const one = useClass(of);
  const all = useClasses();
  return useMemo(() => {
    const known = new Map(one.data?.attributes.map((a) => [a.name, a]));
    const choices = Object.fromEntries(all.data?.map((c) => [c.name, c.label]) ?? []);
    known.set('sys_class_name', { name: 'sys_class_name', label: 'Class', type: 'choice', required: true, choices });
    return known;
  }, [one.data, all.data]);
}

type ChangeProps = { id: string; change: ItemChange; known: Attributes; gone?: boolean };

function Change({ id, change: c, known, gone }: ChangeProps) {
  const write = useFormatTime();
  const link = useHref();
  const [params, change] = useUrlParams();
  const chosen = params.getAll('compare');
  return (
    <li className={classes.change}>
      <div className={classes.head}>
        {!gone && (
          <Checkbox
            size="xs"
            aria-label={`Compare ${write(c.time)}`}
            title="Choose two times to compare"
            checked={chosen.includes(c.time)}
            onChange={() => change({ compare: chooseTime(chosen, c.time) }, true)}
          />
        )}
        <time dateTime={c.time}>{write(c.time)}</time>
        <span>{operations[c.operation]}</span>
        <Text size="sm" c="dimmed" component="span">
          {c.source}
          {c.by && `, ${c.by}`}
        </Text>
        {!gone && (
          <Anchor
            component={Link}
            href={link(itemPath(id), { at: c.time })}
            size="sm"
            ml="auto"
            aria-label={`as it was then, ${write(c.time)}`}
          >
            as it was then
          </Anchor>
        )}
      </div>
      <What changes={c.attributes} known={known} />
    </li>
  );
}

function What({ changes, known }: { changes: ItemAttribute[]; known: Attributes }) {
  if (changes.length === 0) return null;
  return (
    <dl className={classes.what}>
      {changes.map((a) => (
        <Changed key={a.name} of={a} attribute={known.get(a.name)} />
      ))}
    </dl>
  );
}

function Changed({ of: a, attribute }: { of: ItemAttribute; attribute?: ClassAttribute }) {
  return (
    <>
      <dt title={a.name}>{a.label}</dt>
      <dd>
        {a.from && (
          <>
            <del className={classes.was}>
              <Value value={a.from} attribute={attribute} name={a.from_name} />
            </del>{' '}
            →{' '}
          </>
        )}
        <Value value={a.to ?? ''} attribute={attribute} name={a.to_name} />
      </dd>
    </>
  );
}

/** What is different between the two times that were chosen. */
function Compared({ id, known }: { id: string; known: Attributes }) {
  const [params, change] = useUrlParams();
  const write = useFormatTime();
  const [from = '', to = ''] = params.getAll('compare').sort();
  const difference = useDifference(id, from, to);
  if (!from) return null;
  if (!to) {
    return (
      <Text size="sm" role="status">
        Choose a second time to see what is different.
      </Text>
    );
  }
  return (
    <section aria-label="Difference">
      <Group gap="xs" mb={4}>
        <History size={16} aria-hidden />
        <Text size="sm" fw={600}>
          {write(from)} → {write(to)}
        </Text>
        <Anchor component="button" type="button" size="sm" onClick={() => change({ compare: [] }, true)}>
          Close
        </Anchor>
      </Group>
      <Shown query={difference}>
        {(d) => (d.items.length === 0 ? <None>Nothing is different.</None> : <What changes={d.items} known={known} />)}
      </Shown>
    </section>
  );
}
