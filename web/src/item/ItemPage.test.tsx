import { cleanup, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { me, showPages } from '../testbed';
import { ItemPage } from './ItemPage';
import { ItemsPage } from './ItemsPage';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const pages = { '/cmdb': ItemsPage, '/cmdb/:id': ItemPage };

const item = {
  id: 'a',
  class: 'server',
  class_label: 'Server',
  name: 'web1',
  attributes: { name: 'web1', ram: '4096', install_status: '1' },
  discovery_source: 'Import',
  mod_count: 2,
  hanging: [],
  words: {
    ram: [
      { value: '4096', source: 'Discovery', time: '2026-11-23T05:00:00Z', counts: true },
      { value: '2048', source: 'Import', time: '2026-11-23T04:00:00Z', counts: false },
    ],
  },
};

const set = (state: string) => ({
  id: 'set',
  state,
  reason: 'several items are found by serial_number',
  main: 'a',
  created_at: '2026-11-23T05:00:00Z',
  updated_at: '2026-11-23T05:00:00Z',
  items: [
    { id: 'a', name: 'web1', class: 'server', class_label: 'Server' },
    { id: 'b', name: 'web2', class: 'server', class_label: 'Server' },
  ],
});

const answers = (roles: string[]) => ({
  '/api/v1/me': () => me(...roles),
  '/api/v1/items/a': () => item,
  '/api/v1/duplicates': () => ({ items: [set('open'), set('dismissed')] }),
  '/api/v1/classes/server': () => ({
    name: 'server',
    label: 'Server',
    items: 1,
    total: 1,
    above: [],
    attributes: [
      { name: 'ram', label: 'Memory in MB', type: 'integer', required: false },
      {
        name: 'install_status',
        label: 'Status',
        type: 'choice',
        required: false,
        default: '1',
        choices: { '1': 'Installed' },
      },
    ],
  }),
});

test('an item shows whose word counts and what others say; an operator makes it one with its twin', async () => {
  const asked = showPages('/cmdb/a', pages, {
    ...answers(['operator']),
    'POST /api/v1/duplicates/set/merge': () => set('merged'),
  });
  const table = await screen.findByRole('table', { name: 'Attributes' });
  await within(table).findByText('Installed');
  expect(within(table).queryByText('2048')).toBeNull();
  fireEvent.click(within(table).getByRole('button', { name: '1 differs' }));
  await within(table).findByText('2048');
  expect(window.location.search).toBe('?words=ram');

  fireEvent.click(await screen.findByRole('button', { name: 'Make them one…' }));
  const dialog = await screen.findByRole('dialog');
  fireEvent.click(within(dialog).getByLabelText('web2 (Server)'));
  fireEvent.click(within(dialog).getByRole('button', { name: 'Make them one' }));
  await screen.findByText('The items are one now');
  expect(asked.find((a) => a.method === 'POST')?.body).toEqual({ main: 'b' });
});

test('a viewer may look and not change', async () => {
  showPages('/cmdb/a', pages, answers(['viewer']));
  const button = await screen.findByRole('button', { name: 'Make them one…' });
  await waitFor(() => expect(button.title).toContain('operator'));
  expect(button).toHaveProperty('disabled', true);
});

test('the past is asked for by its time, and an item that was not there then is told so', async () => {
  const asked = showPages('/cmdb/a?at=2020-01-01T00:00:00Z', pages, {
    ...answers(['viewer']),
    '/api/v1/items/a': () => ({ status: 404, body: { error: { kind: 'not_found', message: 'no' } } }),
  });
  await screen.findByText(/^It was not known at/);
  expect(asked.find((a) => a.path === '/api/v1/items/a')?.params.get('at')).toBe('2020-01-01T00:00:00Z');
});

test('without items the page says where they come from', async () => {
  showPages('/cmdb', pages, { ...answers(['viewer']), '/api/v1/classes': () => ({ items: [] }) });
  await screen.findByText('No items yet');
});
