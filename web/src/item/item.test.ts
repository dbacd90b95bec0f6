import { describe, expect, test } from 'vitest';
import { chooseTime } from './compare';
import type { Class, Relation } from './item';
import { groupRelations } from './relations';
import { totalOf, treeOf } from './tree';

const kind = (name: string, parent: string | undefined, items: number, total: number): Class => ({
  name,
  label: name,
  parent,
  items,
  total,
});

describe('treeOf', () => {
  const classes = [
    kind('item', undefined, 0, 3),
    kind('hardware', 'item', 0, 2),
    kind('disk', 'item', 1, 1),
    kind('server', 'hardware', 2, 2),
    kind('switch', 'hardware', 0, 0),
  ];
  const lines = (c: Class[], empty: boolean) => treeOf(c, empty).map((b) => `${b.depth} ${b.class.name}`);

  test('leaves out what has no items, and the root that says nothing', () => {
    expect(lines(classes, false)).toEqual(['0 disk', '0 hardware', '1 server']);
    expect(lines(classes, true)).toEqual(['0 disk', '0 hardware', '1 server', '1 switch']);
    expect(totalOf(classes)).toBe(3);
  });

  test('keeps a root that has items of its own, or a neighbour', () => {
    expect(lines([kind('item', undefined, 1, 1)], false)).toEqual(['0 item']);
    expect(lines([...classes, kind('place', undefined, 1, 1)], false)).toEqual([
      '0 item',
      '1 disk',
      '1 hardware',
      '2 server',
      '0 place',
    ]);
  });
});

const end = (id: string, name = id) => ({ id, name, class: 'c', class_label: 'C' });
const relation = (type: string, parent: string, child: string): Relation => ({
  id: type + parent + child,
  type,
  parent: end(parent),
  child: end(child),
  sources: [],
});

test('relations are told in the words of the item, each direction by itself', () => {
  const groups = groupRelations(
    [
      relation('Owns::Owned by', 'me', 'disk10'),
      relation('Owns::Owned by', 'me', 'disk9'),
      relation('Owns::Owned by', 'rack', 'me'),
      relation('Connected::Connected', 'me', 'switch'),
    ],
    'me',
  );
  expect(groups.map((g) => [g.words, ...g.ends.map((e) => e.end.name)])).toEqual([
    ['Connected', 'switch'],
    ['Owned by', 'rack'],
    ['Owns', 'disk9', 'disk10'],
  ]);
});

test('of times to compare there are two; a third takes the place of the oldest', () => {
  expect(chooseTime([], 'b')).toEqual(['b']);
  expect(chooseTime(['b'], 'a')).toEqual(['a', 'b']);
  expect(chooseTime(['a', 'b'], 'c')).toEqual(['b', 'c']);
  expect(chooseTime(['a', 'b'], 'a')).toEqual(['b']);
});
