import { Anchor, Text } from '@mantine/core';
import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import { useHref } from '../lib/url';
import plain from '../ui/plain.module.css';
import { Shown } from '../ui/State';
import classes from './Items.module.css';
import { None } from './ItemsPage';
import { Ago } from './ItemTable';
import { itemPath, mostRelations, type Relation, useRelations } from './item';
import { type Group, groupRelations } from './relations';

/** How an item hangs together with others, in both directions. */
export function ItemRelations({ id }: { id: string }) {
  const relations = useRelations(id);
  return <Shown query={relations}>{(all) => <Groups all={all} id={id} />}</Shown>;
}

function Groups({ all, id }: { all: Relation[]; id: string }) {
  const groups = useMemo(() => groupRelations(all, id), [all, id]);
  if (all.length === 0) return <None>It has no relations.</None>;
  return (
    <>
      {all.length >= mostRelations && (
        <Text size="sm" c="dimmed" mb="sm">
          These are the oldest {all.length} relations; picket relations list shows all.
        </Text>
      )}
      <div className={classes.groups}>
        {groups.map((g) => (
          <Related key={g.words + g.type} group={g} />
        ))}
      </div>
    </>
  );
}

const few = 25;

function Related({ group }: { group: Group }) {
  const link = useHref();
  const [whole, setWhole] = useState(false);
  const shown = whole ? group.ends.slice(0, 1000) : group.ends.slice(0, few);
  return (
    <section>
      <h2 title={group.type}>
        {group.words} <span className={plain.dim}>{group.ends.length}</span>
      </h2>
      <div className={classes.scroll}>
        <table className={classes.attributes} aria-label={group.words}>
          <tbody>
            {shown.map(({ relation, end }) => (
              <tr key={relation.id}>
                <td>
                  <Link href={link(itemPath(end.id))} className={plain.link}>
                    {end.name || end.id}
                  </Link>
                </td>
                <td>{end.class_label}</td>
                <td title={`Seen by ${relation.sources.map((s) => s.source).join(', ')}`}>
                  <Ago time={relation.last_discovered} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < group.ends.length && !whole && (
        <Anchor component="button" type="button" size="sm" mt={4} onClick={() => setWhole(true)}>
          Show all {group.ends.length}
        </Anchor>
      )}
    </section>
  );
}
