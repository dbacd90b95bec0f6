import { expect, test, vi } from 'vitest';
import { inTurn } from './turns';

test('jobs run in their order, drawing first, each in a task of its own, but for those taken back', async () => {
  const seen: string[] = [];
  inTurn('ask', () => {
    seen.push('a');
    queueMicrotask(() => seen.push('after a'));
    inTurn('draw', () => seen.push('d'));
  });
  const back = inTurn('ask', () => seen.push('b'));
  inTurn('ask', () => seen.push('c'));
  back();
  expect(seen).toEqual([]);
  await vi.waitFor(() => expect(seen).toEqual(['a', 'after a', 'd', 'c']));
  inTurn('draw', () => seen.push('e'));
  await vi.waitFor(() => expect(seen).toContain('e'));
});
