import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { api, launch, open, signIn } from './browser';
import { anItem } from './pages';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

type Made = { id: string; name: string };

test('somebody finds an item, sees who says what of it, compares two times, and makes one of two that are the same', async () => {
  const tag = Date.now().toString(36);
  const make = (cls: string, attributes: object) => api<Made>('POST', '/api/v1/items', { class: cls, attributes });
  const report = (source: string, values: object) =>
    api('POST', '/api/v1/items/identify', { source, items: [{ className: 'cmdb_ci_lb', values }] });
  const one = await make('cmdb_ci_lb', { name: `lb-${tag}`, serial_number: `S-${tag}`, ports: 24 });
  await report('Import', { name: `lb-${tag}`, serial_number: `S-${tag}`, ports: 48 });
  const twin = await make('cmdb_ci_lb', { name: `twin-${tag}`, serial_number: `S-${tag}` });
  const other = await make('cmdb_ci_ip_switch', { name: `switch-${tag}` });
  await api('POST', '/api/v1/relations', { parent: one.id, child: other.id, type: 'Connects to::Connected by' });
  await report('Import', { name: `lb-${tag}`, serial_number: `S-${tag}` });

  const { context, page, complaints } = await open(browser);
  await signIn(page);
  const address = (name: string) => new URL(page.url()).searchParams.get(name);

  // By key to the page, by the tree to a class, by words to the items.
  await page.keyboard.press('g');
  await page.keyboard.press('c');
  const tree = page.getByRole('navigation', { name: 'Classes' });
  await tree.getByRole('link', { name: /^Network gear/ }).click();
  await expect.poll(() => address('class')).toBe('cmdb_ci_netgear');
  await page.keyboard.press('/');
  await page.keyboard.type(tag);
  await expect.poll(() => page.locator('main [role=row][data-index]').count()).toBe(3);
  await page.getByRole('button', { name: 'duplicates' }).click();
  await expect.poll(() => page.locator('main [role=row][data-index]').count()).toBe(1);
  expect(await page.locator('main [role=row][data-index]').textContent()).toContain(`twin-${tag}`);
  await page.getByRole('button', { name: 'duplicates' }).click();
  await page.getByRole('link', { name: `lb-${tag}`, exact: true }).click();

  // Whose word counts, and what others say.
  const attributes = page.getByRole('table', { name: 'Attributes' });
  await attributes.getByRole('button', { name: '1 differs' }).click();
  await expect.poll(() => attributes.textContent()).toMatch(/Ports48Import.*24Manual Entry/);

  // What it is connected with, from its own side and from the other.
  const parts = page.getByRole('navigation', { name: 'Parts of this item' });
  await parts.getByRole('link', { name: 'Relations' }).click();
  await page.getByRole('heading', { name: /^Connects to/ }).waitFor();
  await page.getByRole('link', { name: `switch-${tag}` }).click();
  await parts.getByRole('link', { name: 'Relations' }).click();
  await page.getByRole('heading', { name: /^Connected by/ }).waitFor();
  await page.getByRole('link', { name: `lb-${tag}` }).click();

  // Two times, and what is different; then as it was.
  await parts.getByRole('link', { name: 'History' }).click();
  const changes = page.getByRole('list', { name: 'Changes, the newest first' }).getByRole('listitem');
  await changes.first().waitFor();
  await changes.last().getByRole('checkbox').check();
  await page.getByText('Choose a second time').waitFor();
  await changes.first().getByRole('checkbox').check();
  const difference = page.getByRole('region', { name: 'Difference' });
  await expect.poll(() => difference.textContent()).toMatch(/Ports24 → 48/);
  await changes
    .last()
    .getByRole('link', { name: /^as it was then/ })
    .click();
  await page.getByText('Attributes as they were known at').waitFor();
  await expect.poll(() => attributes.textContent()).toContain('Ports24');
  await page.getByRole('link', { name: 'As it is now' }).click();
  await expect.poll(() => attributes.textContent()).toContain('Ports48');

  // They are one, and then they are not.
  await page.getByRole('button', { name: 'Make them one…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Make them one' }).click();
  await page.getByRole('button', { name: 'Part them again…' }).waitFor();
  await page.goto(`/cmdb/${twin.id}`);
  await page.getByText('It is part of').waitFor();
  await page
    .getByRole('main')
    .getByRole('link', { name: `lb-${tag}` })
    .first()
    .click();
  await page.getByRole('button', { name: 'Part them again…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Part them' }).click();
  await page.getByRole('button', { name: 'Part them again…' }).waitFor({ state: 'detached' });
  await page.goto(`/cmdb/${twin.id}`);
  await attributes.waitFor();
  expect(await page.getByText('It is part of').count()).toBe(0);
  await context.close();
  for (const { id } of [one, twin, other]) await api('DELETE', `/api/v1/items/${id}`);
  expect(complaints).toEqual([]);
});

test('what an agent reports leads to its host', async () => {
  const { context, page, complaints } = await open(browser);
  await signIn(page);
  const { name } = await anItem();
  await page.goto(`/cmdb?class=cmdb_ci_server&search=${encodeURIComponent(name)}`);
  await page.locator('main [role=row][data-index]').getByRole('link', { name, exact: true }).click();
  await page.getByRole('link', { name: /^On it/ }).click();
  await page.locator('main [role=row][data-index]').first().waitFor();
  await page.getByRole('link', { name: 'Host', exact: true }).click();
  await expect.poll(() => new URL(page.url()).pathname).toMatch(/^\/hosts\/./);
  await context.close();
  expect(complaints).toEqual([]);
});
