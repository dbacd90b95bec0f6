import { Button, Group, Modal, Stack } from '@mantine/core';
import { type FormEvent, type ReactNode, useEffect, useState } from 'react';
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

/** Gives the focus back, when a dialogue is gone, to what had it before. */
export function useFocusBack() {
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      if (before instanceof HTMLElement && before.isConnected) setTimeout(() => before.focus());
    },
    [before],
  );
}

/** A dialogue with one thing to do: a form, or a question before something that cannot be undone. */
export function Dialog(p: Props) {
  useFocusBack();
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
