import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const dist = join(import.meta.dirname, '../dist');
const size = (name: string) => statSync(join(dist, 'assets', `${name}.gz`)).size;
const kB = 1000;

test('what a first visit loads is small, and so is every part that comes later', () => {
  const index = readFileSync(join(dist, 'index.html'), 'utf8');
  const first = [...index.matchAll(/assets\/([^"]+\.js)/g)].map((m) => m[1] as string);
  expect(first.length).toBeGreaterThan(0);
  const later = readdirSync(join(dist, 'assets')).filter((f) => f.endsWith('.js') && !first.includes(f));
  const sum = first.reduce((n, f) => n + size(f), 0);
  process.stdout.write(
    `initial JavaScript ${(sum / kB).toFixed(1)} kB gzip, biggest later part ${(Math.max(...later.map(size)) / kB).toFixed(1)} kB\n`,
  );
  expect(sum).toBeLessThanOrEqual(240 * kB);
  expect(later.filter((f) => size(f) > 150 * kB)).toEqual([]);
});
