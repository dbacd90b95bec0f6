import { Badge, Button, Group, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMemo } from 'react';
import { since } from '../lib/time';
import { useLive } from '../live/live';
import { type Column, DataTable, hidden } from '../ui/DataTable';
import { useFormatTime } from '../ui/prefs';
import { ErrorBox, Shown } from '../ui/State';
import { describeBrowser } from './browser';
import { type Session, useEndSessions, useLogout, useSessions } from './session';

/** Where one is signed in. */
export function SessionList() {
  const sessions = useSessions();
  const end = useEndSessions();
  const logout = useLogout();
  const mutate = end.mutate;
  const stop = useMemo(
    () => (ids: string[], said: string) => mutate(ids, { onSuccess: () => notifications.show({ message: said }) }),
    [mutate],
  );
  const columns = useColumns(stop, logout.mutate);
  return (
    <Shown query={sessions}>
      {(all) => {
        const others = all.filter((s) => !s.current);
        return (
          <Stack gap="xs">
            {end.error && <ErrorBox title="A session did not end" error={end.error} />}
            <DataTable
              label="Sessions"
              columns={columns}
              rows={all}
              rowKey={(s) => s.id}
              sortParam="sessions"
              maxHeight="50vh"
              minWidth={760}
            />
            <Group justify="space-between" gap="xs">
              <Text size="xs" c="dimmed">
                A session ends after 12 hours without use, and after 7 days.
              </Text>
              {others.length > 0 && (
                <Button
                  size="compact-sm"
                  variant="default"
                  loading={end.isPending}
                  onClick={() =>
                    stop(
                      others.map((s) => s.id),
                      'All your other sessions have ended',
                    )
                  }
                >
                  End all others
                </Button>
              )}
            </Group>
          </Stack>
        );
      }}
    </Shown>
  );
}

function useColumns(stop: (ids: string[], said: string) => void, signOut: () => void): Column<Session>[] {
  const time = useFormatTime();
  return useMemo(
    (): Column<Session>[] => [
      {
        key: 'what',
        title: 'With',
        width: 'minmax(13rem, 1.5fr)',
        render: (s) => (
          <Group gap={6} wrap="nowrap">
            <Text span size="sm" truncate title={s.user_agent}>
              {describeBrowser(s.user_agent)}
            </Text>
            {s.current && (
              <Badge size="xs" variant="default" tt="none" style={{ flex: 'none' }}>
                this one
              </Badge>
            )}
          </Group>
        ),
      },
      { key: 'from', title: 'From', width: 'minmax(8rem, 1fr)', render: (s) => s.remote_addr },
      {
        key: 'seen',
        title: 'Last used',
        width: '110px',
        align: 'right',
        value: (s) => Date.parse(s.last_seen_at),
        render: (s) => <Used session={s} />,
      },
      {
        key: 'began',
        title: 'Signed in',
        width: '152px',
        value: (s) => Date.parse(s.created_at),
        render: (s) => time(s.created_at, 'minute'),
      },
      {
        key: 'ends',
        title: 'Ends unused',
        width: '152px',
        value: (s) => Date.parse(s.expires_at),
        render: (s) => time(s.expires_at, 'minute'),
      },
      {
        key: 'end',
        title: 'End',
        head: hidden('End'),
        width: '96px',
        render: (s) =>
          s.current ? (
            <Button size="compact-xs" variant="default" onClick={() => signOut()}>
              Sign out
            </Button>
          ) : (
            <Button
              size="compact-xs"
              variant="default"
              aria-label={`End the session with ${describeBrowser(s.user_agent)} from ${s.remote_addr}`}
              onClick={() => stop([s.id], 'The session has ended')}
            >
              End
            </Button>
          ),
      },
    ],
    [time, stop, signOut],
  );
}

function Used({ session: s }: { session: Session }) {
  const { now } = useLive();
  const time = useFormatTime();
  // The time that is kept is up to a minute late.
  if (s.current) return 'now';
  return <span title={time(s.last_seen_at)}>{since(Date.parse(s.last_seen_at), now)} ago</span>;
}
