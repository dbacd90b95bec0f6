import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { axe } from './axe';
import { launch, open, signIn } from './browser';
import { pages, visit } from './pages';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

describe.each([390, 1600])('%i px wide', (width) => {
  test.each(['light', 'dark'] as const)(
    'every page in %s can be used by everybody',
    async (scheme) => {
      const { context, page, complaints } = await open(browser, { width, height: 900, scheme });
      const found: string[] = [];
      await page.goto('/sign-in');
      found.push(...(await axe(page, 'sign-in')));
      await signIn(page);
      for (const one of pages) {
        await visit(page, one);
        found.push(...(await axe(page, one.name)));
        const wide = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        if (wide > 1) found.push(`${one.name}: the page is ${wide} px wider than the window`);
      }
      await context.close();
      expect(found).toEqual([]);
      expect(complaints).toEqual([]);
    },
    300_000,
  );
});
