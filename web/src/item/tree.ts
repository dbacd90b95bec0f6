import type { Class } from './item';

/** A line of the tree of classes. */
export type Branch = { class: Class; depth: number };

/**
 * The lines of the tree: classes without items only with `empty`. A root that all items are below says nothing, so its classes stand
 * in its place.
 */
export function treeOf(classes: Class[], empty: boolean): Branch[] {
  const below = new Map<string, Class[]>();
  for (const c of classes) {
    if (!empty && c.total === 0) continue;
    const list = below.get(c.parent ?? '');
    if (list) list.push(c);
    else below.set(c.parent ?? '', [c]);
  }
  for (const list of below.values()) list.sort((a, b) => a.label.localeCompare(b.label));
  const lines: Branch[] = [];
  const add = (parent: string, depth: number) => {
    for (const c of below.get(parent) ?? []) {
      lines.push({ class: c, depth });
      add(c.name, depth + 1);
    }
  };
  const roots = below.get('') ?? [];
  const [only] = roots;
  if (roots.length === 1 && only && only.items === 0) add(only.name, 0);
  else add('', 0);
  return lines;
}

/** How many items there are in all. */
export const totalOf = (classes: Class[]) => classes.reduce((sum, c) => sum + c.items, 0);
