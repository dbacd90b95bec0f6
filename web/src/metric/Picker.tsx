import { TextInput } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { Search } from '../ui/icons';
import classes from './Explore.module.css';

type Props<T> = {
  label: string;
  placeholder: string;
  text: string;
  setText: (text: string) => void;
  items: T[];
  /** Whether the items are what was found for the text, and not what is shown until then. */
  fresh?: boolean;
  itemKey: (item: T) => string;
  render: (item: T) => ReactNode;
  /** `other` is true with Shift, which asks for the second thing that one can do. */
  choose: (item: T, other: boolean) => void;
  rowHeight: number;
  /** The list's height in CSS. */
  height: string;
  empty: ReactNode;
};

/** A search with what it found: arrow keys walk the list from the box, Enter chooses. Only the rows in sight are in the page. */
export function Picker<T>(props: Props<T>) {
  const { label, items, itemKey, choose, rowHeight, fresh = true } = props;
  const [at, setAt] = useState(0);
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 6,
    initialRect: { width: 400, height: 600 },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another search begins at the top of its list.
  useEffect(() => {
    setAt(0);
    scroller.current?.scrollTo(0, 0);
  }, [props.text]);
  const now = Math.min(at, items.length - 1);
  // Enter that came before the answer is for the best of the answer, not for what stands there by chance.
  const [waiting, setWaiting] = useState<{ other: boolean }>();
  const best = items[0];
  useEffect(() => {
    if (!waiting || !fresh) return;
    setWaiting(undefined);
    if (best !== undefined) choose(best, waiting.other);
  }, [waiting, fresh, best, choose]);

  const press = (e: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[e.key];
    const item = items[now];
    if (e.key === 'Enter' && !fresh) setWaiting({ other: e.shiftKey });
    else if (e.key === 'Enter' && item !== undefined) choose(item, e.shiftKey);
    else if (step !== undefined && items.length > 0) {
      const next = Math.max(0, Math.min(items.length - 1, now + step));
      setAt(next);
      virtual.scrollToIndex(next);
    } else return;
    e.preventDefault();
  };

  return (
    <>
      <TextInput
        type="search"
        role="combobox"
        aria-label={label}
        aria-expanded={items.length > 0}
        aria-controls={`${id}-list`}
        aria-activedescendant={items.length > 0 ? `${id}-${now}` : undefined}
        aria-autocomplete="list"
        placeholder={props.placeholder}
        leftSection={<Search size={15} aria-hidden />}
        value={props.text}
        onChange={(e) => {
          setWaiting(undefined);
          props.setText(e.currentTarget.value);
        }}
        onKeyDown={press}
        data-autofocus
        mb={6}
      />
      {items.length === 0 && props.empty}
      <div
        ref={scroller}
        role="listbox"
        id={`${id}-list`}
        aria-label={label}
        tabIndex={-1}
        className={classes.list}
        style={{ maxHeight: props.height }}
      >
        <div role="presentation" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map((v) => {
            const item = items[v.index] as T;
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the search box's, which points at the option.
              <div
                key={itemKey(item)}
                id={`${id}-${v.index}`}
                role="option"
                aria-selected={v.index === now}
                aria-posinset={v.index + 1}
                aria-setsize={items.length}
                className={classes.option}
                style={{ height: v.size, transform: `translateY(${v.start}px)` }}
                onMouseDown={(e) => e.preventDefault()}
                onClick={(e) => {
                  setAt(v.index);
                  choose(item, e.shiftKey);
                }}
              >
                {props.render(item)}
              </div>
            );
          })}
        </div>
      </div>
    </>
  );
}
