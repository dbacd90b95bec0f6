import { Menu } from '@mantine/core';
import { EllipsisVertical } from 'lucide-react';
import { type ReactNode, useRef, useState } from 'react';
import classes from './RowMenu.module.css';

/** The menu of a row. Before its first use it is only its button: a table has many of them. */
export function RowMenu({ label, children }: { label: string; children: () => ReactNode }) {
  const [opened, setOpened] = useState<boolean>();
  const target = useRef<HTMLButtonElement>(null);
  if (opened === undefined)
    return (
      <button
        type="button"
        className={classes.more}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={false}
        onClick={() => setOpened(true)}
      >
        <EllipsisVertical size={15} aria-hidden />
      </button>
    );
  return (
    <Menu
      opened={opened}
      onChange={setOpened}
      // Whoever opened it is another button by now, to which the focus could not go back.
      onClose={() => target.current?.focus()}
      position="bottom-end"
      shadow="md"
    >
      <Menu.Target>
        <button ref={target} type="button" className={classes.more} aria-label={label}>
          <EllipsisVertical size={15} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown>{children()}</Menu.Dropdown>
    </Menu>
  );
}
