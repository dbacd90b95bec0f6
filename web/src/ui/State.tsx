import { Alert, Box, Button, Center, Group, Stack, Text } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { ApiError } from '../api/client';
import { CircleAlert, type Icon } from './icons';
import plain from './plain.module.css';

/** What to do about an error, in words for the user. */
export function advice(err: unknown): string {
  if (!(err instanceof ApiError)) return 'Reload the page. If it happens again, tell us what you did.';
  switch (err.kind) {
    case 'conflict':
    case 'unauthenticated':
      return ''; // The message says what is in the way.
    case 'unreachable':
      return 'Look whether the collector runs (systemctl status picket-collector); the page tries again by itself.';
    case 'denied':
      return 'Ask an admin for the role that is missing (Settings, Users).';
    case 'not_found':
      return 'It may have been deleted. Go back to the list.';
    case 'too_many':
      return 'Wait a minute, then try again.';
    case 'unavailable':
    case 'timeout':
    case 'canceled':
      return 'The collector is busy. Ask for less (a shorter time, fewer series), or try again.';
    case 'invalid':
    case 'bad_data':
      return 'Correct what was entered and try again.';
    default:
      return 'The collector’s log says more (journalctl -u picket-collector).';
  }
}

/** Begins a server's words like a sentence. */
export const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** An error with what to do about it. */
export function ErrorBox({ error, title, retry }: { error: unknown; title?: string; retry?: () => void }) {
  const message = sentence(error instanceof Error ? error.message : String(error));
  const next = advice(error);
  return (
    <Alert
      color="red"
      variant="light"
      icon={<CircleAlert size={18} aria-hidden />}
      title={title ?? 'That did not work'}
      role="alert"
    >
      <Text size="sm" style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
        {message}
      </Text>
      {(next || retry) && (
        <Group mt={6} gap="md">
          <Text size="sm" c="var(--mantine-color-text)">
            {next}
          </Text>
          {retry && (
            <Button size="compact-sm" variant="default" onClick={retry}>
              Try again
            </Button>
          )}
        </Group>
      )}
    </Alert>
  );
}

/** An empty place that says why it is empty and what to do next. */
export function Empty({
  icon: Icon,
  title,
  children,
  action,
}: {
  icon: Icon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <Center mih={180} p="lg">
      <Stack align="center" gap={6} maw={560}>
        <Icon size={36} strokeWidth={1.4} aria-hidden color="var(--mantine-color-dimmed)" />
        <Text fw={600}>{title}</Text>
        {children && (
          <Text component="div" size="sm" c="dimmed" ta="center">
            {children}
          </Text>
        )}
        {action && <Box mt="xs">{action}</Box>}
      </Stack>
    </Center>
  );
}

export function Loading({ label = 'Loading' }: { label?: string }) {
  return <div className={plain.loading} role="status" aria-label={label} />;
}

type Query<T> = { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown };

/** Shows a query's data, or that it is on its way, or its error. Data that could not be refreshed stays, with the error above. */
export function Shown<T>({ query, children }: { query: Query<T>; children: (data: T) => ReactNode }) {
  if (query.data === undefined) {
    if (query.error) return <ErrorBox error={query.error} retry={() => query.refetch()} />;
    return <Loading />;
  }
  return (
    <>
      {query.error ? (
        <ErrorBox title="This is not the newest" error={query.error} retry={() => query.refetch()} />
      ) : null}
      {children(query.data)}
    </>
  );
}

/** Keeps a page's crash on its page. */
export class ErrorBoundary extends Component<{ children: ReactNode; resetKey: string }, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override componentDidUpdate(before: { resetKey: string }) {
    if (before.resetKey !== this.props.resetKey && this.state.error !== undefined) this.setState({ error: undefined });
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <ErrorBox title="This page broke" error={this.state.error} retry={() => this.setState({ error: undefined })} />
    );
  }
}
