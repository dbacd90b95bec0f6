import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { inject } from 'vitest';
import { adminPassword, program } from './bed';

export const url = inject('url');
const env = { PICKET_URL: url, PICKET_USER: 'admin', PICKET_PASSWORD: adminPassword };

/** Runs `picket` as the admin. */
export const picket = (...args: string[]) => program('picket', args, env);

/** Runs `picket demo` on the demo of these stories. */
export const demo = (verb: string, ...args: string[]) => picket('demo', verb, ...args, '--dir', inject('demo'));

/** Debian's Chromium, without what it would look for on the network. */
export function launch(): Promise<Browser> {
  const quiet = [
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-dev-shm-usage',
  ];
  return chromium.launch({
    executablePath: process.env.PICKET_CHROMIUM ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox', ...quiet] : quiet,
  });
}

type Look = { width?: number; height?: number; scheme?: 'light' | 'dark' };

/** A window of its own, with no session. What the page complains about in its console is kept in `complaints`. */
export async function open(
  browser: Browser,
  look: Look = {},
): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width: look.width ?? 1600, height: look.height ?? 1000 },
    colorScheme: look.scheme ?? 'light',
    permissions: ['clipboard-read', 'clipboard-write'],
    timezoneId: 'Europe/Berlin',
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (err) => complaints.push(`${page.url()}: ${err.message}`));
  page.on('console', (m) => {
    // A browser reports every 401; asking who is signed in is how the page learns that nobody is.
    const stranger = m.location().url.endsWith('/api/v1/me') && m.text().includes('401');
    if (m.type() === 'error' && !stranger) complaints.push(`${page.url()}: ${m.text()} ${m.location().url}`);
  });
  return { context, page, complaints };
}

/** Signs in through the page, as people do. */
export async function signIn(page: Page, name = 'admin', password = adminPassword): Promise<void> {
  if (!page.url().includes('/sign-in')) await page.goto('/sign-in');
  await page.locator('input[name=username]').fill(name);
  await page.locator('input[name=password]').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: /^Account of/ }).waitFor();
}

/** Asks the REST API as the admin. */
export async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(url + path, {
    method,
    headers: { Authorization: `Basic ${btoa(`admin:${adminPassword}`)}`, 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  const text = await answer.text();
  return (text ? JSON.parse(text) : undefined) as T;
}
