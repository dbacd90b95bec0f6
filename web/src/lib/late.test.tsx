import { render, screen } from '@testing-library/react';
import { Suspense } from 'react';
import { expect, test } from 'vitest';
import { late } from './late';

const Hello = ({ name }: { name: string }) => <p>hello {name}</p>;
const shown = (Part: typeof Hello) => (
  <Suspense fallback="waiting">
    <Part name="olga" />
  </Suspense>
);

test('what was loaded before is drawn at once, what was not is waited for', async () => {
  const before = late(async () => Hello);
  await before.load();
  const { unmount } = render(shown(before.Late));
  expect(screen.queryByText('waiting')).toBeNull();
  screen.getByText('hello olga');
  unmount();

  const after = late(async () => Hello);
  render(shown(after.Late));
  screen.getByText('waiting');
  await screen.findByText('hello olga');
});
