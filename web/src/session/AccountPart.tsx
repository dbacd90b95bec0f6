import { Button, Group, PasswordInput, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { ApiError } from '../api/client';
import { FormError, fieldError } from '../ui/FormError';
import { NewPassword } from '../user/NewPassword';
import { passwordProblem, roles } from '../user/user';
import { SessionList } from './SessionList';
import { useChangePassword, useMe } from './session';

/** Who is signed in: roles, password, sessions. */
export function AccountPart() {
  const me = useMe().data;
  if (!me) return null;
  return (
    <Stack gap="lg">
      <div>
        <Text size="sm">
          You are <b>{me.name}</b>.
        </Text>
        {roles
          .filter((r) => me.roles.includes(r.role))
          .map((r) => (
            <Text key={r.role} size="sm">
              <b>{r.name}</b>: {r.may}.
            </Text>
          ))}
      </div>
      <section>
        <Title order={2} size="h4" mb="xs">
          Password
        </Title>
        {me.kind === 'user' ? <PasswordForm name={me.name} /> : <Text size="sm">An API token has no password.</Text>}
      </section>
      <section>
        <Title order={2} size="h4" mb="xs">
          Sessions
        </Title>
        <SessionList />
      </section>
    </Stack>
  );
}

function PasswordForm({ name }: { name: string }) {
  const change = useChangePassword();
  const [present, setPresent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const wrong = change.error instanceof ApiError && change.error.status === 401;
  const differs = again !== '' && again !== next;
  const ready = present !== '' && passwordProblem(next) === undefined && again === next;
  const submit = () =>
    change.mutate(
      { name, present, next },
      {
        onSuccess: () => {
          notifications.show({ message: 'Your password is changed. All your other sessions have ended.' });
          setPresent('');
          setNext('');
          setAgain('');
        },
      },
    );
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        if (ready) submit();
      }}
    >
      <Stack gap="xs">
        {/* Tells password managers whose password it is. */}
        <input type="text" name="username" autoComplete="username" value={name} readOnly hidden />
        <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="md" verticalSpacing="xs" maw={960}>
          <PasswordInput
            label="Present password"
            autoComplete="current-password"
            value={present}
            onChange={(e) => setPresent(e.currentTarget.value)}
            error={wrong ? 'That is not your password' : fieldError(change.error, 'present')}
            visibilityToggleButtonProps={{ 'aria-label': 'Show: present password' }}
          />
          <NewPassword label="New password" value={next} onChange={setNext} error={fieldError(change.error, 'next')} />
          <PasswordInput
            label="New password again"
            autoComplete="new-password"
            value={again}
            onChange={(e) => setAgain(e.currentTarget.value)}
            error={differs && 'It is not the same'}
            visibilityToggleButtonProps={{ 'aria-label': 'Show: new password again' }}
          />
        </SimpleGrid>
        {!wrong && <FormError error={change.error} fields={['present', 'next']} title="The password stays as it was" />}
        <Group gap="md">
          <Button type="submit" disabled={!ready} loading={change.isPending}>
            Change the password
          </Button>
          <Text size="xs" c="dimmed">
            All your other sessions end with it. API tokens stay.
          </Text>
        </Group>
      </Stack>
    </form>
  );
}
