import { ActionIcon, Button, CopyButton, Tooltip } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { Check, Copy as CopyIcon, Link2 } from './icons';

/** A small button that copies a text. */
export function Copy({ value, label }: { value: string; label: string }) {
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : label}>
          <ActionIcon variant="subtle" color={copied ? 'picket' : 'gray'} size="sm" onClick={copy} aria-label={label}>
            {copied ? <Check size={15} /> : <CopyIcon size={15} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

/** Copies the address of what the page shows now; `address` makes it when it is clicked. */
export function CopyLink({ address }: { address: () => string }) {
  const clipboard = useClipboard();
  return (
    <Button
      variant="default"
      size="compact-sm"
      leftSection={clipboard.copied ? <Check size={15} aria-hidden /> : <Link2 size={15} aria-hidden />}
      onClick={() => clipboard.copy(address())}
    >
      {clipboard.copied ? 'Copied' : 'Copy link'}
    </Button>
  );
}
