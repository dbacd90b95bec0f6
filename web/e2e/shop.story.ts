import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { eventually, program } from './bed';
import { api, demo, launch, open, signIn } from './browser';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
});

const fullDisk = () =>
  eventually(
    'the disk of shop-store-1 is full',
    async () => {
      const query =
        'min by (instance) (node_filesystem_avail_bytes{instance="shop-store-1"} / node_filesystem_size_bytes{instance="shop-store-1"}) < 0.1';
      const a = await api<{ data: { result: unknown[] } }>(
        'GET',
        `/prometheus/api/v1/query?query=${encodeURIComponent(query)}`,
      );
      return a.data.result.length > 0;
    },
    120,
  );

test('an operator finds the host that is broken, explores its metric, and sends a link that a colleague opens', async () => {
  await demo('break', 'disk');
  await fullDisk();
  const { context, page, complaints } = await open(browser);
  await signIn(page);
  await page.getByRole('link', { name: 'Hosts', exact: true }).click();
  const first = page.locator('main [role=row][data-index="0"]');
  await expect.poll(() => first.textContent(), { timeout: 30_000 }).toContain('shop-store-1');
  await first.click();
  await page.getByRole('heading', { level: 1, name: 'shop-store-1' }).waitFor();
  expect(new URL(page.url()).pathname).toBe('/hosts/shop-store-1');

  const chart = page.getByRole('region', { name: /space used/i }).first();
  await chart.evaluate((e) => e.scrollIntoView({ block: 'center' }));
  await chart.locator('canvas').waitFor();
  await chart.getByRole('link', { name: /explore/i }).click();
  await page.waitForURL(/\/explore\?/);
  await page.locator('main canvas').first().waitFor();
  expect(new URL(page.url()).searchParams.get('q')).toContain('node_filesystem');
  await page.getByRole('button', { name: 'Copy link' }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const asked = new URL(link).searchParams;
  expect(asked.get('from'), link).toBeTruthy();
  expect(asked.get('to'), link).toBeTruthy();
  await context.close();
  expect(complaints).toEqual([]);

  const colleague = await open(browser);
  await colleague.page.goto(link);
  await colleague.page.waitForURL(/\/sign-in/);
  await signIn(colleague.page);
  await colleague.page.waitForURL(/\/explore\?/);
  await colleague.page.locator('main canvas').first().waitFor();
  const seen = new URL(colleague.page.url()).searchParams;
  expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(asked));
  await colleague.context.close();
  expect(colleague.complaints).toEqual([]);
  await demo('heal');
}, 240_000);

const password = 'story-user-password';
const roles = ['viewer', 'operator', 'service_desk', 'check_author', 'admin'] as const;

test.each(roles)('a user with the role %s sees what the role may do, and the server agrees', async (role) => {
  const name = `story-${role.replace('_', '-')}`;
  await api('POST', '/api/v1/users', { name, password, roles: [role] });
  const { context, page, complaints } = await open(browser);
  await signIn(page, name, password);
  const operates = role === 'operator' || role === 'admin';

  await page.goto('/fleet/enrol');
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.waitForLoadState('networkidle');
  const make = page.getByRole('button', { name: /make (a |the )?token/i });
  expect((await make.count()) > 0 && (await make.first().isEnabled())).toBe(operates);
  const answer = await page.request.post('/api/v1/enroll-tokens', {
    data: { uses: 1, ttl_seconds: 600 },
    headers: { Origin: inject('url') },
  });
  expect(answer.status()).toBe(operates ? 201 : 403);

  await page.goto('/settings/account');
  await page.getByRole('heading', { level: 1 }).waitFor();
  const settings = page.getByRole('main');
  expect(await settings.getByRole('link', { name: 'Users' }).count()).toBe(role === 'admin' ? 1 : 0);
  await page.goto('/settings/users');
  await page.getByRole('heading', { level: 1 }).waitFor();
  if (role !== 'admin')
    await page
      .getByText(/role admin|needs the role|takes the role/i)
      .first()
      .waitFor();
  await context.close();
  expect(complaints.filter((c) => !c.includes('403'))).toEqual([]);
});

test('the link that the terminal printed signs in once', async () => {
  const link = (
    await program('picket-collector', ['login-link', '--data-dir', join(inject('dir'), 'collector')])
  ).trim();
  const path = link.replace(/^https?:\/\/[^/]+/, inject('url'));
  const first = await open(browser);
  await first.page.goto(path);
  await first.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  expect(first.page.url()).not.toContain('link=');
  expect(first.complaints).toEqual([]);
  await first.context.close();
  const second = await open(browser);
  await second.page.goto(path);
  await second.page
    .getByRole('alert')
    .getByText(/used or is too old/)
    .waitFor();
  await second.context.close();
});

test('a page moves by itself, stands still when it is paused, and keeps that in its address', async () => {
  const { context, page } = await open(browser);
  await signIn(page);
  await page.goto('/hosts');
  await page.locator('main [role=row][data-index="0"]').waitFor();
  const token = (await api<{ token: string }>('POST', '/api/v1/enroll-tokens', { uses: 2, ttl_seconds: 600 })).token;
  const enrol = (host: string) =>
    program(
      'picket-agent',
      ['enroll', '--data-dir', join(inject('dir'), host), '--hostname', host, '--host-id', host],
      { PICKET_AGENT_TOKEN: token },
    );
  await enrol('newcomer-1');
  await page.getByText('newcomer-1').first().waitFor({ timeout: 20_000 });
  await page.keyboard.press('p');
  await page.waitForURL(/live=off/);
  await enrol('newcomer-2');
  await page.waitForTimeout(6000);
  expect(await page.getByText('newcomer-2').count()).toBe(0);
  await page.keyboard.press('p');
  await page.getByText('newcomer-2').first().waitFor({ timeout: 20_000 });
  await context.close();
});

test('the keyboard goes everywhere', async () => {
  const { context, page } = await open(browser);
  await signIn(page);
  await page.keyboard.press('g');
  await page.keyboard.press('h');
  await page.waitForURL(/\/hosts/);
  await page.locator('main [role=row][data-index="0"]').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('shop-app');
  await page.waitForURL(/search=shop-app/);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('shop-web');
  await page.locator('[data-action]', { hasText: 'shop-web-1' }).first().waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/hosts\/shop-web-1/);
  await page.getByPlaceholder('Page, host or metric').waitFor({ state: 'detached' });
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await context.close();
});
