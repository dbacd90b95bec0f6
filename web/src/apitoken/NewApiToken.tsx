import { Button, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { instant } from '../lib/time';
import { allows, useMe } from '../session/session';
import { CodeBlock } from '../ui/CodeBlock';
import { Dialog, useFocusBack } from '../ui/Dialog';
import { fieldError } from '../ui/FormError';
import { useFormatTime } from '../ui/prefs';
import { RolesInput } from '../user/RolesInput';
import type { UserRole } from '../user/user';
import { curlExample, type NewApiTokenResult, useCreateApiToken } from './apitoken';

const lives = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'a year' },
  { value: '', label: 'until it is revoked' },
];

/** Asks for a new API token, then shows its secret once. It lives in this component's state and nowhere else. */
export function NewApiToken({ close }: { close: () => void }) {
  useFocusBack();
  const [made, setMade] = useState<NewApiTokenResult>();
  return made ? <Secret made={made} close={close} /> : <Form close={close} done={setMade} />;
}

function Form({ close, done }: { close: () => void; done: (made: NewApiTokenResult) => void }) {
  const me = useMe().data;
  const create = useCreateApiToken();
  const [name, setName] = useState('');
  const [days, setDays] = useState('90');
  const [roles, setRoles] = useState<UserRole[]>(['viewer']);
  const run = () =>
    create.mutate(
      {
        name: name.trim(),
        roles,
        expires_at: days ? instant(Date.now() / 1000 + Number(days) * 86_400) : undefined,
      },
      { onSuccess: done },
    );
  return (
    <Dialog
      opened
      close={close}
      title="Make an API token"
      action="Make the token"
      run={run}
      busy={create.isPending}
      error={create.error}
      fields={['name', 'roles', 'expires_at']}
      disabled={name.trim() === '' || roles.length === 0}
    >
      <TextInput
        label="Name"
        description="What uses it, e.g. Grafana"
        maxLength={64}
        value={name}
        onChange={(e) => setName(e.currentTarget.value)}
        error={fieldError(create.error, 'name')}
        data-autofocus
      />
      <RolesInput
        label="Roles"
        value={roles}
        onChange={setRoles}
        among={(r) => allows(me?.roles, r)}
        error={fieldError(create.error, 'roles')}
      />
      <Select
        label="Valid for"
        data={lives}
        allowDeselect={false}
        value={days}
        onChange={(v) => setDays(v ?? '90')}
        error={fieldError(create.error, 'expires_at')}
      />
    </Dialog>
  );
}

function Secret({ made, close }: { made: NewApiTokenResult; close: () => void }) {
  const time = useFormatTime();
  return (
    <Modal
      opened
      onClose={close}
      title={`API token ${made.name}`}
      size="lg"
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="md">
        <Text size="sm">
          This is its secret. Copy it now: it is shown only this once.{' '}
          {made.expires_at ? `It is good until ${time(made.expires_at, 'minute')}.` : 'It is good until it is revoked.'}
        </Text>
        <CodeBlock label="the secret" text={made.token} wrap />
        <div>
          <Text size="sm" mb={4}>
            Programs send it as Bearer token. In a shell:
          </Text>
          <CodeBlock label="example with curl" text={curlExample(window.location.origin, made.token)} wrap />
        </div>
        <Text size="sm" c="dimmed">
          The command <code>picket</code> takes it from PICKET_TOKEN, with PICKET_URL={window.location.origin}. Grafana
          asks for Prometheus at {window.location.origin}/prometheus with the header Authorization.
        </Text>
        <Group justify="flex-end">
          <Button onClick={close}>I have copied it</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
