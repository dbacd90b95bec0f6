import { MantineProvider } from '@mantine/core';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { Picker } from './Picker';

afterEach(cleanup);

const choose = vi.fn();

function show(items: string[], fresh: boolean, text = 'cpu') {
  return (
    <MantineProvider>
      <Picker
        label="Find"
        placeholder=""
        text={text}
        setText={() => undefined}
        items={items}
        fresh={fresh}
        itemKey={(i) => i}
        render={(i) => i}
        choose={choose}
        rowHeight={20}
        height="200px"
        empty={null}
      />
    </MantineProvider>
  );
}

test('Enter before the answer waits for it and takes its best, not what stood there before', () => {
  const { rerender } = render(show(['old', 'older'], false));
  fireEvent.keyDown(screen.getByRole('combobox'), { key: 'Enter' });
  expect(choose).not.toHaveBeenCalled();
  rerender(show(['node_cpu_seconds_total', 'x'], true));
  expect(choose).toHaveBeenCalledWith('node_cpu_seconds_total', false);
  expect(choose).toHaveBeenCalledTimes(1);
});

test('arrows walk, Enter takes, Shift+Enter takes otherwise', () => {
  choose.mockClear();
  render(show(['a', 'b', 'c'], true));
  const box = screen.getByRole('combobox');
  fireEvent.keyDown(box, { key: 'ArrowDown' });
  fireEvent.keyDown(box, { key: 'Enter' });
  fireEvent.keyDown(box, { key: 'PageDown' });
  fireEvent.keyDown(box, { key: 'Enter', shiftKey: true });
  expect(choose.mock.calls).toEqual([
    ['b', false],
    ['c', true],
  ]);
});
