import { expect, test } from 'vitest';
import { type Column, sortRows } from './DataTable';

type Host = { name: string; cpu?: number };

const hosts: Host[] = [
  { name: 'web-10', cpu: 0.5 },
  { name: 'web-9' },
  { name: 'Web-1', cpu: 0.9 },
  { name: 'db', cpu: 0.5 },
  { name: 'cache', cpu: Number.NaN },
];
const columns: Column<Host>[] = [
  { key: 'name', title: 'Name', value: (h) => h.name, render: (h) => h.name },
  { key: 'cpu', title: 'CPU', value: (h) => h.cpu, render: (h) => h.cpu },
  { key: 'menu', title: '', render: () => null },
];
const names = (order: string) => sortRows(hosts, columns, order).map((h) => h.name);

test('names are ordered as people count, in any case', () => {
  expect(names('name')).toEqual(['cache', 'db', 'Web-1', 'web-9', 'web-10']);
  expect(names('-name')).toEqual(['web-10', 'web-9', 'Web-1', 'db', 'cache']);
});

test('what has no value comes last both ways, and equal rows keep their order', () => {
  expect(names('cpu')).toEqual(['web-10', 'db', 'Web-1', 'web-9', 'cache']);
  expect(names('-cpu')).toEqual(['Web-1', 'web-10', 'db', 'web-9', 'cache']);
});

test('an order that no column has changes nothing, and the rows given stay as they are', () => {
  for (const order of ['', 'menu', '-nosuch']) expect(sortRows(hosts, columns, order)).toBe(hosts);
  names('-name');
  expect(hosts[0]?.name).toBe('web-10');
});
