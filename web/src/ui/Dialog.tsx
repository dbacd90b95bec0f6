import { Button, Group, Modal, Stack } from '@mantine/core';
import type { FormEvent, ReactNode } from 'react';
import { FormError } from './FormError';

type Props = {
  opened: boolean;
  close: () => void;
  title: string;
  /** What happens, in words. */
  children: ReactNode;
  /** The word on the button, e.g. "Delete web-1". */
  action: string;
  danger?: boolean;
  run: () => void;
  busy?: boolean;
  error?: unknown;
  /** The fields that show their own errors. */
  fields?: string[];
  disabled?: boolean;
  size?: string;
};

/** A dialogue with one thing to do: a form, or a question before something that cannot be undone. */
export function Dialog(p: Props) {
  const submit = (e: FormEvent) => {
    e.preventDefault();
    e.stopPropagation();
    if (!p.busy && !p.disabled) p.run();
  };
  return (
    <Modal
      opened={p.opened}
      onClose={p.close}
      title={p.title}
      closeButtonProps={{ 'aria-label': 'Close' }}
      size={p.size}
    >
      <form onSubmit={submit}>
        <Stack gap="md">
          {p.children}
          <FormError error={p.error} fields={p.fields} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={p.close}>
              Cancel
            </Button>
            <Button
              type="submit"
              color={p.danger ? 'red.8' : undefined}
              loading={p.busy}
              disabled={p.disabled}
              data-autofocus={p.danger || undefined}
            >
              {p.action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
