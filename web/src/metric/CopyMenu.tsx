import { Button, Menu } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { Check, Copy } from '../ui/icons';

/** Copies what a page shows, in the form one wants. */
export function CopyMenu({ csv, json }: { csv: () => string; json: () => string }) {
  const clipboard = useClipboard();
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <Button
          size="compact-xs"
          variant="default"
          leftSection={clipboard.copied ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />}
          style={{ flex: 'none' }}
        >
          {clipboard.copied ? 'Copied' : 'Copy values'}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => clipboard.copy(csv())}>As CSV</Menu.Item>
        <Menu.Item onClick={() => clipboard.copy(json())}>As JSON</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
