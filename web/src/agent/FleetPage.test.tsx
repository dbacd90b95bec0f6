import { cleanup, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { me, showPages } from '../testbed';
import type { Agent } from './agent';
import { FleetPage } from './FleetPage';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const pages = { '/fleet': FleetPage, '/fleet/:tab': FleetPage };

const agent = (instance: string, change: Partial<Agent> = {}): Agent => ({
  id: `id-${instance}`,
  instance,
  hostname: instance,
  state: 'up',
  os: 'linux',
  arch: 'amd64',
  version: '0.3.0',
  fingerprint: 'f',
  enrolled_with: 'token-1',
  enrolled_at: '2026-11-23T05:00:00Z',
  last_seen_at: '2026-11-23T06:00:00Z',
  gaps: 0,
  ...change,
});

const fleet = [
  agent('web-2'),
  agent('web-10', { version: '0.2.0' }),
  agent('db-1', { state: 'revoked', revoked_reason: 'retired', enrolled_with: 'token-2' }),
];

const answers = (roles: string[], agents: Agent[] = fleet) => ({
  '/api/v1/me': () => me(...roles),
  '/api/v1/status': () => ({ version: '0.3.0', started_at: '2026-11-23T05:00:00Z', uptime_seconds: 1, agents: {} }),
  '/api/v1/agents': () => ({ items: agents }),
  'POST /prometheus/api/v1/query': () => ({ status: 'success', data: { resultType: 'vector', result: [] } }),
});

const rows = () =>
  within(screen.getByRole('table', { name: 'Agents' }))
    .getAllByRole('row')
    .slice(1)
    .map((r) => within(r).getAllByRole('link')[0]?.textContent);

test('an operator revokes what was chosen, with a reason, and hears what became of it', async () => {
  const asked = showPages('/fleet', pages, {
    ...answers(['operator']),
    'POST /api/v1/agents/id-web-2/revoke': () => agent('web-2', { state: 'revoked' }),
    'POST /api/v1/agents/id-web-10/revoke': () => ({
      status: 409,
      body: { error: { kind: 'conflict', message: 'agent web-10 was revoked before' } },
    }),
  });
  fireEvent.click(await screen.findByLabelText('Choose all that are shown'));
  expect(rows()).toEqual(['db-1', 'web-2', 'web-10']);
  fireEvent.click(screen.getByRole('button', { name: 'Revoke 2…' }));
  const dialog = await screen.findByRole('dialog', { name: 'Revoke 2 agents?' });
  expect(dialog.textContent).toContain('only with a new token');
  fireEvent.change(within(dialog).getByLabelText('Reason'), { target: { value: 'moved' } });
  fireEvent.click(within(dialog).getByRole('button', { name: 'Revoke 2 agents' }));
  expect((await within(dialog).findByRole('alert')).textContent).toContain('Agent web-10 was revoked before');
  await screen.findByText('Revoked 1 of 2 agents');
  const sent = asked.filter((a) => a.method === 'POST' && a.path.endsWith('/revoke'));
  expect(sent.map((a) => [a.path, a.body])).toEqual([
    ['/api/v1/agents/id-web-2/revoke', { reason: 'moved' }],
    ['/api/v1/agents/id-web-10/revoke', { reason: 'moved' }],
  ]);
});

test('the address says what is shown; a click on a version narrows it and can be undone', async () => {
  showPages('/fleet?search=web', pages, answers(['viewer']));
  await waitFor(() => expect(rows()).toEqual(['web-2', 'web-10']));
  expect(screen.queryByLabelText('Choose web-2')).toBeNull();
  fireEvent.click(await screen.findByRole('button', { name: /^0\.2\.0 1 ?behind/ }));
  await waitFor(() => expect(rows()).toEqual(['web-10']));
  expect(window.location.search).toBe('?search=web&version=0.2.0');
  fireEvent.click(screen.getByRole('button', { name: /^revoked/ }));
  fireEvent.click(await screen.findByRole('button', { name: 'Show all agents' }));
  await waitFor(() => expect(rows()).toHaveLength(3));
  expect(window.location.search).toBe('');
});

test('an empty fleet says what to do, to those who may do it', async () => {
  showPages('/fleet', pages, answers(['viewer'], []));
  await screen.findByText('No host has enrolled yet');
  expect(screen.queryByRole('link', { name: 'Enrol a host' })).toBeNull();
  showPages('/fleet', pages, answers(['operator'], []));
  expect((await screen.findByRole('link', { name: 'Enrol a host' })).getAttribute('href')).toBe('/fleet/enrol');
});

test('a token is made, shown with the lines for the host and in no address, and awaited', async () => {
  const arrived = [...fleet, agent('new-1', { enrolled_with: 'token-9' })];
  const made = {
    id: 'token-9',
    token: 'pkt1_secret',
    uses_left: 2,
    uses_max: 2,
    allow_reinstall: true,
    addresses: ['picket.example.org:4601'],
    created_by: 'olga',
    created_at: '2026-11-23T06:00:00Z',
    not_before: '2026-11-23T06:00:00Z',
    expires_at: '2027-01-24T06:00:00Z',
  };
  let times = 0;
  const asked = showPages('/fleet/enrol', pages, {
    ...answers(['operator'], arrived),
    '/api/v1/enroll-tokens': () => ({ items: [] }),
    'POST /api/v1/enroll-tokens': () =>
      times++ > 0
        ? made
        : {
            status: 400,
            body: {
              error: {
                kind: 'invalid',
                message: 'addresses: "x" is not host:port',
                fields: [{ field: 'addresses', message: '"x" is not host:port' }],
              },
            },
          },
  });
  const addresses = await screen.findByLabelText(/addresses/);
  fireEvent.change(addresses, { target: { value: 'x' } });
  fireEvent.click(screen.getByRole('button', { name: 'Make a token' }));
  await screen.findByText('"x" is not host:port');
  expect(screen.queryByRole('alert')).toBeNull();
  fireEvent.change(addresses, { target: { value: 'picket.example.org:4601\n10.0.0.1:4601' } });
  fireEvent.click(screen.getByRole('button', { name: 'Make a token' }));
  const lines = await screen.findByRole('region', { name: 'lines for the host' });
  expect(lines.textContent).toContain("<<<'pkt1_secret'");
  await screen.findByText('1 of 2 hosts have enrolled');
  expect(screen.getByRole('link', { name: 'new-1' }).getAttribute('href')).toBe('/hosts/new-1');
  expect(asked.filter((a) => a.method === 'POST' && a.path.endsWith('tokens')).at(-1)?.body).toEqual({
    uses: 1,
    ttl_seconds: 86_400,
    allow_reinstall: true,
    addresses: ['picket.example.org:4601', '10.0.0.1:4601'],
  });
  expect(window.location.href).not.toContain('secret');
  expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain('secret');
});
