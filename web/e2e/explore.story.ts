import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, open, signIn } from './browser';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

test('somebody asks with the keyboard only: names are proposed, a mistake is told, a metric is found and narrowed down', async () => {
  const { context, page, complaints } = await open(browser);
  await signIn(page);
  await page.goto('/explore');
  const queries = () => new URL(page.url()).searchParams.getAll('q');
  const proposals = page.locator('.cm-tooltip-autocomplete li');
  const a = page.getByRole('region', { name: 'Query A', exact: true });
  await page.locator('.cm-content').waitFor();

  // The editor completes what the collector has, Enter takes it and Enter again runs it.
  await page.keyboard.press('/');
  await page.keyboard.type('node_cpu_sec', { delay: 30 });
  await proposals.filter({ hasText: 'node_cpu_seconds_total' }).waitFor();
  await page.waitForTimeout(100); // a list that has just opened takes no Enter
  await page.keyboard.press('Enter');
  await page.keyboard.type('{mode="', { delay: 30 });
  await proposals.filter({ hasText: 'idle' }).waitFor();
  await page.waitForTimeout(100);
  await page.keyboard.press('Enter');
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await expect.poll(queries).toEqual(['node_cpu_seconds_total{mode="idle"}']);
  await page.locator('main canvas').waitFor();
  await expect.poll(() => a.textContent()).toMatch(/series · 1 point per/);

  // Escape leaves the editor; n begins another query. Its mistake is told where it is, and the chart stays.
  await page.keyboard.press('Escape');
  await page.keyboard.press('n');
  const b = page.getByRole('region', { name: 'Query B', exact: true });
  await expect.poll(() => b.locator('.cm-content').evaluate((e) => e === document.activeElement)).toBe(true);
  await page.keyboard.type('rate(node_load1');
  await page.keyboard.press('Escape'); // the proposals
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await expect.poll(() => b.getByRole('alert').textContent()).toContain('expected type range vector');
  expect(await page.locator('main canvas').count()).toBe(1);
  await b.getByRole('button', { name: 'More about Query B' }).click();
  await page.getByRole('menuitem', { name: 'Remove' }).click();
  await expect.poll(queries).toHaveLength(1);

  // The finder: words, arrows, Enter; then a click on a value.
  await page.keyboard.press('m');
  await page.getByRole('combobox', { name: 'Search all metrics' }).fill('cpu seconds each mode');
  await page.getByRole('option', { name: /node_cpu_seconds_total/ }).waitFor();
  await page.keyboard.press('Enter');
  await expect.poll(() => queries()[1]).toBe('rate(node_cpu_seconds_total[5m])');
  await page.getByRole('button', { name: /^mode/ }).click();
  await page.getByRole('button', { name: 'system', exact: true }).click();
  await expect.poll(() => queries()[1]).toBe('rate(node_cpu_seconds_total{mode="system"}[5m])');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  // The same as numbers, for a spreadsheet.
  await page.keyboard.press('t');
  await page.locator('main [role=row][data-index="1"]').waitFor();
  await page.getByRole('button', { name: 'Copy values' }).click();
  await page.getByRole('menuitem', { name: 'As CSV' }).click();
  const csv = await page.evaluate(() => navigator.clipboard.readText());
  expect(csv.split('\r\n')[0]).toMatch(/^query,__name__,cpu,(demo,)?instance,job,mode,value$/);
  expect(csv).toContain('node_cpu_seconds_total');
  await page.keyboard.press('Escape');

  // All of it is in the history, also after the window was closed.
  await page.goto('/explore');
  await page.getByRole('button', { name: 'History' }).click();
  await page.getByRole('combobox', { name: 'Search the queries you ran' }).fill('idle');
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('Enter');
  await expect.poll(queries).toEqual(['node_cpu_seconds_total{mode="idle"}']);
  await context.close();
  // A browser tells in its console of each answer that is an error, and the mistake was meant.
  expect(complaints.filter((c) => !/400 \(Bad Request\)/.test(c))).toEqual([]);
});

test('a drag over a chart zooms, and the way back is the browser’s', async () => {
  const { context, page, complaints } = await open(browser);
  await signIn(page);
  await page.goto('/explore?q=node_load1&range=1h');
  const plot = page.locator('main .u-over');
  await plot.waitFor();
  const box = await plot.boundingBox();
  if (!box) throw new Error('the chart has no size');
  await page.mouse.move(box.x + box.width * 0.5, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, box.y + 60, { steps: 5 });
  await page.mouse.up();
  const params = () => new URL(page.url()).searchParams;
  await expect.poll(() => params().get('from')).toBeTruthy();
  const seconds = (Date.parse(params().get('to') ?? '') - Date.parse(params().get('from') ?? '')) / 1000;
  expect(seconds).toBeGreaterThan(800);
  expect(seconds).toBeLessThan(1000);
  expect(params().get('range')).toBe(null);
  await page.goBack();
  await expect.poll(() => params().get('range')).toBe('1h');
  await context.close();
  expect(complaints).toEqual([]);
});
