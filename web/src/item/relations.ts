import type { Relation } from './item';

/** The relations of an item that are told by the same words. */
export type Group = { words: string; type: string; ends: { relation: Relation; end: Relation['parent'] }[] };

/** The words of a relation as one of its items says them: "Owns" of the parent, "Owned by" of the child. */
export function wordsOf(r: Relation, id: string): string {
  const [parent = r.type, child = r.type] = r.type.split('::');
  return r.parent.id === id ? parent : child;
}

/** Relations in groups by their words, each group by the names of the other ends. */
export function groupRelations(relations: Relation[], id: string): Group[] {
  const groups = new Map<string, Group>();
  for (const relation of relations) {
    const words = wordsOf(relation, id);
    const end = relation.parent.id === id ? relation.child : relation.parent;
    const key = `${words}\n${relation.type}`;
    const group = groups.get(key);
    if (group) group.ends.push({ relation, end });
    else groups.set(key, { words, type: relation.type, ends: [{ relation, end }] });
  }
  const list = [...groups.values()].sort((a, b) => a.words.localeCompare(b.words));
  for (const g of list)
    g.ends.sort(
      (a, b) => a.end.name.localeCompare(b.end.name, undefined, { numeric: true }) || (a.end.id < b.end.id ? -1 : 1),
    );
  return list;
}
