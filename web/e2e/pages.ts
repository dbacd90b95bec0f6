import type { Page } from 'playwright-core';
import { eventually } from './bed';
import { api } from './browser';

/** Every page, {item} standing for the id of a host's item, with something to wait for that is there only when the page is useful. */
export const pages: { name: string; path: string; ready: string }[] = [
  { name: 'overview', path: '/', ready: 'main h3' },
  { name: 'hosts', path: '/hosts', ready: 'main [role=row][data-index]' },
  { name: 'host', path: '/hosts/shop-store-1', ready: 'main h3' },
  { name: 'host-checks', path: '/hosts/shop-store-1?tab=checks', ready: 'main h1' },
  { name: 'host-inventory', path: '/hosts/shop-store-1?tab=inventory', ready: 'main h1' },
  { name: 'host-agent', path: '/hosts/shop-store-1?tab=agent', ready: 'main h1' },
  { name: 'host-events', path: '/hosts/shop-store-1?tab=events', ready: 'main h1' },
  { name: 'explore-empty', path: '/explore', ready: 'main h1' },
  {
    name: 'explore',
    path: `/explore?q=${encodeURIComponent('sum by (instance) (rate(shop_http_requests_total[1m]))')}&q=node_load1`,
    ready: 'main canvas',
  },
  { name: 'cmdb', path: '/cmdb', ready: 'main [role=row][data-index]' },
  { name: 'cmdb-none', path: '/cmdb?duplicates=yes&search=nosuch', ready: 'main h1' },
  { name: 'item', path: '/cmdb/{item}', ready: 'main table' },
  { name: 'item-relations', path: '/cmdb/{item}?tab=relations', ready: 'main h2' },
  { name: 'item-on', path: '/cmdb/{item}?tab=on', ready: 'main [role=row][data-index]' },
  { name: 'item-history', path: '/cmdb/{item}?tab=history', ready: 'main li' },
  { name: 'fleet', path: '/fleet', ready: 'main [role=row][data-index]' },
  { name: 'fleet-enrol', path: '/fleet/enrol', ready: 'main [role=table], main form' },
  { name: 'settings-account', path: '/settings/account', ready: 'main [role=row][data-index]' },
  { name: 'settings-users', path: '/settings/users', ready: 'main [role=row][data-index]' },
  { name: 'settings-tokens', path: '/settings/api-tokens', ready: 'main button' },
  { name: 'settings-audit', path: '/settings/audit-log', ready: 'main [role=row][data-index]' },
  { name: 'settings-about', path: '/settings/about', ready: 'main dl' },
  { name: 'nothing', path: '/there/is/nothing', ready: 'main h1' },
];

type Named = { items: { id: string; name: string; instance: string }[] };

/** An item that is the host of an agent. */
export function anItem(): Promise<{ id: string; name: string }> {
  return eventually('an agent’s host is an item', async () => {
    const [agent] = (await api<Named>('GET', '/api/v1/agents?state=up&limit=1')).items;
    const named = encodeURIComponent(`name=${agent?.instance}`);
    return (await api<Named>('GET', `/api/v1/items?class=cmdb_ci_server&attr=${named}`)).items[0];
  });
}

/** Opens a page, waits until it is useful, and scrolls through it, because charts ask only when they are seen. */
export async function visit(page: Page, { name, path, ready }: (typeof pages)[number], params = ''): Promise<void> {
  path = path.replace('{item}', path.includes('{item}') ? (await anItem()).id : '');
  await page.goto(path + (params && (path.includes('?') ? '&' : '?') + params));
  await page
    .locator(ready)
    .first()
    .waitFor()
    .catch((err) => {
      throw new Error(`${name}: ${err}`);
    });
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  for (let y = 0; y < Math.min(height, 6000); y += 700) {
    await page.mouse.wheel(0, 700);
    await page.waitForTimeout(60);
  }
  await page.waitForLoadState('networkidle', { timeout: 5000 }).catch(() => undefined);
  await page.evaluate(() => window.scrollTo(0, 0));
}
