import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { apiTokenState, curlExample } from '../apitoken/apitoken';
import { makePassword, passwordProblem, roleNames, roles } from './user';

test('every role of the API is explained', () => {
  const api = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../../collector/api/testdata/openapi.json'), 'utf8'),
  );
  expect(roles.map((r) => r.role).sort()).toEqual(api.components.schemas.NewUser.properties.roles.items.enum);
  expect(roleNames(['service_desk', 'admin', 'new_one'])).toBe('Service desk, Admin, new_one');
});

test.each([
  ['', 'At least 12 characters'],
  ['elevenchars', 'At least 12 characters'],
  ['twelve chars', undefined],
  ['\u{1f511}'.repeat(11), 'At least 12 characters'],
  ['\u{1f511}'.repeat(12), undefined],
  ['x'.repeat(1024), undefined],
  ['x'.repeat(1025), 'At most 1024 bytes'],
  ['é'.repeat(600), 'At most 1024 bytes'],
])('the password %j: %s', (password, want) => expect(passwordProblem(password)).toBe(want));

test('a password that is made up is good and never the same', () => {
  const made = new Set(Array.from({ length: 50 }, makePassword));
  expect(made.size).toBe(50);
  for (const password of made) {
    expect(password).toMatch(/^[a-km-np-z2-9]{24}$|^[a-z2-9]{24}$/);
    expect(passwordProblem(password)).toBeUndefined();
  }
});

test('an API token works until it expires or is revoked', () => {
  const token = { id: 't', name: 'n', user_id: 'u', roles: ['viewer'], created_at: '2026-11-01T00:00:00Z' };
  const now = Date.parse('2026-11-23T12:00:00Z');
  expect(apiTokenState(token, now)).toBe('valid');
  expect(apiTokenState({ ...token, expires_at: '2026-11-23T12:00:01Z' }, now)).toBe('valid');
  expect(apiTokenState({ ...token, expires_at: '2026-11-23T12:00:00Z' }, now)).toBe('expired');
  expect(apiTokenState({ ...token, revoked_at: '2026-11-02T00:00:00Z' }, now)).toBe('revoked');
});

test('the example keeps the secret out of the arguments of programs', () => {
  const lines = curlExample('https://picket.example.org', 'pkt_secret').split('\n');
  expect(lines[0]).toBe('export PICKET_TOKEN=pkt_secret');
  expect(lines[1]).toContain('https://picket.example.org/api/v1/');
  expect(lines[1]).not.toContain('pkt_secret');
});
