import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { eventually } from './bed';
import { api, launch, open, signIn } from './browser';
import { pages, visit } from './pages';

const out = process.env.PICKET_SCREENSHOTS ?? join(import.meta.dirname, '../screenshots');

test('every page, light and dark, wide and narrow', async () => {
  mkdirSync(out, { recursive: true });
  const browser = await launch();
  // Charts of a minute are no picture.
  await eventually(
    'two minutes of samples',
    async () => {
      const a = await api<{ data: { result: unknown[] } }>(
        'GET',
        `/prometheus/api/v1/query?query=${encodeURIComponent('node_load1 offset 2m')}`,
      );
      return a.data.result.length > 0;
    },
    180,
  );
  for (const [width, height] of [
    [1600, 1000],
    [390, 844],
  ] as const) {
    for (const scheme of ['light', 'dark'] as const) {
      const { context, page } = await open(browser, { width, height, scheme });
      const shot = (name: string) => page.screenshot({ path: join(out, `${name}-${scheme}-${width}.png`) });
      await page.goto('/sign-in');
      await shot('sign-in');
      await signIn(page);
      for (const one of pages) {
        await visit(page, one, process.env.PICKET_E2E_HISTORY ? 'range=1d' : 'range=5m');
        await page.waitForTimeout(1200);
        await shot(one.name);
      }
      await page.keyboard.press('Control+k');
      await page.keyboard.type('memory');
      await page.waitForTimeout(700);
      await shot('palette');
      await context.close();
    }
  }
  await browser.close();
}, 600_000);
