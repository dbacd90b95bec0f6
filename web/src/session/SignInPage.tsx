import { Button, Center, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { Redirect } from 'wouter';
import { useRawSearch } from '../lib/url';
import { ErrorBox, Loading } from '../ui/State';
import { useLogin, useLoginLink, useMe } from './session';

/** Where to go after signing in: a path of ours, never another site. */
export function nextOf(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  return /^\/(?![/\\])/.test(next) ? next : '/';
}

/** Takes the secret of a sign-in link out of the address, so that it stays in no history. */
function takeSecret(): string | undefined {
  const secret = new URLSearchParams(window.location.hash.slice(1)).get('link') ?? undefined;
  if (secret) window.history.replaceState(null, '', window.location.pathname + window.location.search);
  return secret;
}

/** Name and password, or the link that the terminal printed. */
export function SignInPage() {
  const me = useMe();
  const search = useRawSearch();
  const link = useLoginLink();
  const asked = useRef(false);
  useEffect(() => {
    document.title = 'Sign in · Picket';
    const secret = asked.current ? undefined : takeSecret();
    asked.current = true;
    if (secret) link.mutate(secret);
  }, [link]);
  if (link.isPending) return <Loading label="Signing in" />;
  if (me.data) return <Redirect to={nextOf(search)} replace />;
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w={380} maw="100%">
        <Group gap="sm" mb="md">
          <img src="/picket.svg" width={36} height={36} alt="" />
          <Title order={1} size="h3">
            Sign in to Picket
          </Title>
        </Group>
        {link.error && <ErrorBox title="The link did not work" error={link.error} />}
        <Form />
      </Paper>
    </Center>
  );
}

function Form() {
  const login = useLogin();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        login.mutate({ name, password });
      }}
    >
      <Stack gap="sm" mt="sm">
        <TextInput
          label="User"
          name="username"
          autoComplete="username"
          autoFocus
          required
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
        />
        <PasswordInput
          label="Password"
          name="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(e) => setPassword(e.currentTarget.value)}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
        />
        {login.error && <ErrorBox title="Not signed in" error={login.error} />}
        <Button type="submit" loading={login.isPending}>
          Sign in
        </Button>
        <Text size="xs" c="dimmed">
          Lost your password? On the collector’s host, <code>picket-collector login-link</code> prints a link that signs
          in once.
        </Text>
      </Stack>
    </form>
  );
}
