import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

type Finding = { id: string; impact: string; help: string; nodes: { target: string[]; failureSummary: string }[] };

/** What axe-core finds on the page that is serious or critical, one line each. */
export async function axe(page: Page, name: string): Promise<string[]> {
  await page.evaluate(source);
  const findings = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (o: object) => Promise<{ violations: Finding[] }> } };
    return (await axe.run({ resultTypes: ['violations'] })).violations;
  });
  return findings
    .filter((f) => f.impact === 'serious' || f.impact === 'critical')
    .flatMap((f) =>
      f.nodes
        .slice(0, 5)
        .map(
          (n) => `${name}: ${f.id} (${f.impact}) at ${n.target.join(' ')}: ${n.failureSummary.replace(/\s+/g, ' ')}`,
        ),
    );
}
