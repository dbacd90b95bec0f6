import { Kbd, TextInput, type TextInputProps } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useEffect, useRef, useState } from 'react';
import { useUrlState } from '../lib/url';
import { Search } from './icons';

type Props = { param?: string; label: string; placeholder?: string } & Pick<TextInputProps, 'w' | 'style' | 'miw'>;

/** What a page is searched for, kept in the URL. "/" goes to it from anywhere on the page. */
export function SearchInput({ param = 'search', label, placeholder, ...rest }: Props) {
  const [value, setValue] = useUrlState(param);
  const [text, setText] = useState(value);
  const written = useRef(value);
  const write = useDebouncedCallback((next: string) => {
    written.current = next;
    setValue(next);
  }, 200);
  useEffect(() => {
    // What was typed while the address followed stays; only what others wrote there is taken over.
    if (value === written.current) return;
    written.current = value;
    write.cancel();
    setText(value);
  }, [value, write]);
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={placeholder ?? label}
      leftSection={<Search size={15} aria-hidden />}
      rightSection={text ? undefined : <Kbd size="xs">/</Kbd>}
      value={text}
      onChange={(e) => {
        setText(e.currentTarget.value);
        write(e.currentTarget.value);
      }}
      data-search
      size="sm"
      w={260}
      {...rest}
    />
  );
}
