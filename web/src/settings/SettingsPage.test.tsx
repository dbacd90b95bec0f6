import { cleanup, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { me, showPages } from '../testbed';
import { SettingsPage } from './SettingsPage';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const pages = { '/settings': SettingsPage, '/settings/:tab': SettingsPage };
const parts = () => screen.getAllByRole('link').map((l) => l.textContent);

const user = (name: string, ...roles: string[]) => ({
  id: `id-${name}`,
  name,
  roles,
  disabled: false,
  created_at: '2026-11-23T05:00:00Z',
  updated_at: '2026-11-23T05:00:00Z',
  password_changed_at: '2026-11-23T05:00:00Z',
});

test('a viewer sees what is theirs, and is told which role the rest takes', async () => {
  const asked = showPages('/settings', pages, {
    '/api/v1/me': () => me('viewer'),
    '/api/v1/sessions': () => ({ items: [] }),
  });
  await screen.findByRole('heading', { name: 'Password' });
  expect(window.location.pathname).toBe('/settings/account');
  expect(parts()).toEqual(['Account', 'API tokens', 'About']);
  showPages('/settings/audit-log', pages, { '/api/v1/me': () => me('viewer') });
  await screen.findByText(/role admin/);
  expect(asked.some((a) => a.path.includes('audit'))).toBe(false);
});

test('a new password begins a new session, and a wrong one is said at its field', async () => {
  let tries = 0;
  const asked = showPages('/settings/account', pages, {
    '/api/v1/me': () => me('viewer'),
    '/api/v1/sessions': () => ({ items: [] }),
    'PUT /api/v1/me/password': () =>
      tries++ > 0
        ? undefined
        : { status: 401, body: { error: { kind: 'unauthenticated', message: 'wrong name or password' } } },
    'POST /api/v1/login': () => ({ user: user('olga', 'viewer'), session: {} }),
  });
  const type = (label: string, value: string) =>
    fireEvent.change(screen.getByLabelText(label, { selector: 'input' }), { target: { value } });
  await screen.findByRole('heading', { name: 'Password' });
  const button = screen.getByRole<HTMLButtonElement>('button', { name: 'Change the password' });
  type('Present password', 'wrong');
  type('New password', 'short');
  type('New password again', 'short');
  expect(button.disabled).toBe(true);
  type('New password', 'long enough now');
  expect(button.disabled).toBe(true);
  type('New password again', 'long enough now');
  expect(button.disabled).toBe(false);
  fireEvent.click(button);
  await screen.findByText('That is not your password');
  expect(screen.queryByRole('alert')).toBeNull();
  type('Present password', 'right');
  fireEvent.click(button);
  await screen.findByText(/Your password is changed/);
  expect(asked.filter((a) => a.method !== 'GET').map((a) => [a.path, a.body])).toEqual([
    ['/api/v1/me/password', { present: 'wrong', next: 'long enough now' }],
    ['/api/v1/me/password', { present: 'right', next: 'long enough now' }],
    ['/api/v1/login', { name: 'olga', password: 'long enough now' }],
  ]);
});

test('the last admin stays, and the page says why', async () => {
  showPages('/settings/users', pages, {
    '/api/v1/me': () => ({ ...me('admin'), user_id: 'id-root' }),
    '/api/v1/users': () => ({ items: [user('root', 'admin'), user('vera', 'viewer')] }),
    'DELETE /api/v1/users/id-root': () => ({
      status: 409,
      body: { error: { kind: 'conflict', message: 'this is the last admin: give another user the role first' } },
    }),
  });
  fireEvent.click(await screen.findByRole('button', { name: 'Actions for root' }));
  fireEvent.click(await screen.findByRole('menuitem', { name: 'Delete…' }));
  const dialog = await screen.findByRole('dialog', { name: 'Delete root?' });
  expect(dialog.textContent).toContain('That is you');
  fireEvent.click(within(dialog).getByRole('button', { name: 'Delete root' }));
  const alert = await within(dialog).findByRole('alert');
  expect(alert.textContent).toContain('This is the last admin: give another user the role first');
  expect(alert.textContent).not.toContain('log says');
});

test('an API token offers only what its maker may, and shows its secret once', async () => {
  const asked = showPages('/settings/api-tokens', pages, {
    '/api/v1/me': () => me('operator'),
    '/api/v1/api-tokens': () => ({ items: [] }),
    'POST /api/v1/api-tokens': () => ({
      id: 't1',
      name: 'Grafana',
      user_id: 'u1',
      roles: ['viewer'],
      created_at: '2026-11-23T05:00:00Z',
      token: 'pkt_secret',
    }),
  });
  await screen.findByText('There is no API token yet');
  fireEvent.click(screen.getByRole('button', { name: 'Make a token' }));
  const dialog = await screen.findByRole('dialog', { name: 'Make an API token' });
  const roles = within(dialog).getAllByRole('checkbox');
  expect(roles.map((r) => (r as HTMLInputElement).value)).toEqual(['viewer', 'operator']);
  fireEvent.change(within(dialog).getByLabelText('Name'), { target: { value: ' Grafana ' } });
  fireEvent.click(within(dialog).getByRole('button', { name: 'Make the token' }));
  expect((await screen.findByRole('region', { name: 'the secret' })).textContent).toBe('pkt_secret');
  expect(asked.find((a) => a.method === 'POST')?.body).toMatchObject({ name: 'Grafana', roles: ['viewer'] });
  fireEvent.click(screen.getByRole('button', { name: 'I have copied it' }));
  await waitFor(() => expect(screen.queryByText('pkt_secret')).toBeNull());
});

test('the audit log asks for what the address says, and loads more at its end', async () => {
  const entry = (i: number) => ({
    id: `e${i}`,
    time: '2026-11-23T05:00:00Z',
    actor_type: 'user',
    actor_name: 'root',
    action: 'user.set_roles',
    target_type: 'user',
    target_id: 'id-vera',
    detail: { from: ['viewer'], to: ['operator'] },
  });
  const asked = showPages('/settings/audit-log?action=user.set_roles&entry=e1', pages, {
    '/api/v1/me': () => me('admin'),
    '/api/v1/users': () => ({ items: [user('vera', 'operator')] }),
    '/api/v1/audit-log': ({ params }) =>
      params.get('after') ? { items: [entry(2)] } : { items: [entry(0), entry(1)], next: 'c1' },
  });
  const dialog = await screen.findByRole('dialog', { name: 'Roles changed' });
  await waitFor(() => expect(dialog.textContent).toContain('vera (user)'));
  expect(within(dialog).getByRole('row', { name: 'to Operator' })).toBeTruthy();
  await screen.findByText('3 entries, that is all');
  const pagesAsked = asked.filter((a) => a.path === '/api/v1/audit-log').map((a) => a.params.toString());
  expect(pagesAsked).toEqual(['action=user.set_roles&limit=100', 'action=user.set_roles&limit=100&after=c1']);
});
