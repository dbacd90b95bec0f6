import { expect, test } from 'vitest';
import { type AuditEntry, actorName, filterOf, pairs, queryOf, targetName } from './audit';

const entry = (change: Partial<AuditEntry>): AuditEntry => ({
  id: 'e1',
  time: '2026-11-23T12:00:00Z',
  actor_type: 'user',
  actor_name: 'admin',
  action: 'agent.revoke',
  target_type: 'agent',
  target_id: '01a206ebf833714cba53fca53bee9a6f',
  ...change,
});

test('the address says what is asked', () => {
  const now = 1_795_406_400;
  const asked = (search: string) => queryOf(filterOf(new URLSearchParams(search)), now);
  expect(asked('action=user.create&actor=u1&type=user&target=t1&tz=UTC')).toEqual({
    actor_id: 'u1',
    action: 'user.create',
    target_type: 'user',
    target_id: 't1',
    since: undefined,
    until: undefined,
  });
  expect(asked('within=1h&since=2020-01-01T00:00:00Z')).toMatchObject({
    since: '2026-11-23T03:00:00Z',
    until: undefined,
  });
  expect(asked('since=2026-11-23T03:00:00%2B01:00&until=1795406400')).toMatchObject({
    since: '2026-11-23T02:00:00Z',
    until: '2026-11-23T04:00:00Z',
  });
  expect(asked('since=yesterday&within=ever')).toMatchObject({ since: undefined, until: undefined });
});

test('a detail becomes pairs that people can read', () => {
  const time = (t: string) => `<${t}>`;
  expect(
    pairs(
      {
        allow_reinstall: true,
        expires_at: '2026-11-24T12:00:00.5Z',
        never: '0001-01-01T00:00:00Z',
        roles: ['check_author', 'viewer'],
        uses: 3,
        reason: '',
        deep: { a: [1] },
        nothing: null,
      },
      time,
    ),
  ).toEqual([
    ['allow reinstall', 'yes'],
    ['expires at', '<2026-11-24T12:00:00.5Z>'],
    ['never', 'never'],
    ['roles', 'Check author, Viewer'],
    ['uses', '3'],
    ['reason', '–'],
    ['deep', '{"a":[1]}'],
    ['nothing', '–'],
  ]);
  expect(pairs(undefined, time)).toEqual([]);
  expect(pairs('text', time)).toEqual([['detail', 'text']]);
});

test('a target is called by its detail, else by its name, else by the end of its id', () => {
  const names = new Map([['u1', 'olga']]);
  const name = (change: Partial<AuditEntry>) => targetName(entry(change), names);
  expect(name({ detail: { instance: 'web-1', reason: 'x' } })).toBe('web-1');
  expect(name({ target_type: 'session', detail: { user: 'olga', name: 'no' } })).toBe('olga');
  expect(name({ target_type: 'user', target_id: 'u1' })).toBe('olga');
  expect(name({})).toBe('3bee9a6f');
  expect(name({ target_id: undefined })).toBe('–');
});

test('a host that enrols is nobody yet', () => {
  expect(actorName(entry({}))).toBe('admin');
  expect(actorName(entry({ actor_type: 'anonymous', actor_name: 'anonymous', action: 'agent.new' }))).toBe('the host');
  expect(actorName(entry({ actor_type: 'anonymous', actor_name: '', target_type: 'enroll_token' }))).toBe(
    'nobody known',
  );
  expect(actorName(entry({ actor_type: 'system', actor_name: '' }))).toBe('system');
});
