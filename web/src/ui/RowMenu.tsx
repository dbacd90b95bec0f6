import { Menu, type MenuProps } from '@mantine/core';
import { type ReactNode, useRef, useState } from 'react';
import { EllipsisVertical, type Icon } from './icons';
import classes from './RowMenu.module.css';

type Props = Pick<MenuProps, 'width'> & {
  label: string;
  icon?: Icon;
  className?: string;
  children: () => ReactNode;
};

/** A menu that before its first use is only its button: a table has many of them. */
export function RowMenu({ label, icon: Icon = EllipsisVertical, className = classes.more, width, children }: Props) {
  const [opened, setOpened] = useState<boolean>();
  const target = useRef<HTMLButtonElement>(null);
  if (opened === undefined)
    return (
      <button
        type="button"
        className={className}
        title={label}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={false}
        onClick={() => setOpened(true)}
      >
        <Icon size={15} aria-hidden />
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
      width={width}
    >
      <Menu.Target>
        <button ref={target} type="button" className={className} title={label} aria-label={label}>
          <Icon size={15} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown>{children()}</Menu.Dropdown>
    </Menu>
  );
}
