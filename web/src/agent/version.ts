/** How an agent's version stands to the collector's; `other` when one of them is no release. */
export type Standing = 'behind' | 'same' | 'ahead' | 'other';

const release = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$/;

/** Orders versions, the oldest first: by semver, what is none of it before all others. */
export function compareVersions(a: string, b: string): number {
  const x = release.exec(a);
  const y = release.exec(b);
  if (!x || !y) return Number(Boolean(x)) - Number(Boolean(y)) || a.localeCompare(b);
  for (const i of [1, 2, 3]) {
    const n = Number(x[i]) - Number(y[i]);
    if (n !== 0) return n;
  }
  // A release comes after what was made before it: 1.0.0-rc.1 < 1.0.0.
  if (!x[4] || !y[4]) return Number(Boolean(y[4])) - Number(Boolean(x[4]));
  return x[4].localeCompare(y[4], 'en', { numeric: true });
}

export function standing(version: string, collector: string): Standing {
  if (version === collector) return 'same';
  if (!release.test(version) || !release.test(collector)) return 'other';
  const n = compareVersions(version, collector);
  return n < 0 ? 'behind' : n > 0 ? 'ahead' : 'same';
}

/** How many of the versions there are of each, the oldest first. */
export function countVersions(versions: string[]): { version: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const v of versions) counts.set(v, (counts.get(v) ?? 0) + 1);
  return [...counts]
    .map(([version, count]) => ({ version, count }))
    .sort((a, b) => compareVersions(a.version, b.version));
}
