import { Button, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMemo, useState } from 'react';
import { since } from '../lib/time';
import { useUrlParams } from '../lib/url';
import { useLive } from '../live/live';
import { useMay } from '../session/session';
import { type Column, DataTable, hidden } from '../ui/DataTable';
import { Dialog } from '../ui/Dialog';
import { KeyRound, Plus } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { Empty, Shown } from '../ui/State';
import { roleNames, useUsers } from '../user/user';
import { type ApiToken, apiTokenState, useApiTokens, useRevokeApiToken } from './apitoken';
import { NewApiToken } from './NewApiToken';

/** What programs use the API with. Everybody sees their own; admins see all. */
export function ApiTokensPart() {
  const admin = useMay('admin');
  const [params, change] = useUrlParams();
  const all = admin && params.get('whose') === 'all';
  const tokens = useApiTokens(all);
  const [making, setMaking] = useState(false);
  const [asked, setAsked] = useState<ApiToken>();
  const columns = useColumns(all, setAsked);
  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="xs">
        <Text size="sm" c="dimmed" maw={620}>
          A program that asks with an API token may what the token’s roles allow, and never more than its user.
        </Text>
        <Group gap="xs">
          {admin && (
            <SegmentedControl
              size="xs"
              aria-label="Whose API tokens"
              data={[
                { value: '', label: 'Mine' },
                { value: 'all', label: 'Everybody’s' },
              ]}
              value={all ? 'all' : ''}
              onChange={(v) => change({ whose: v }, true)}
            />
          )}
          <Button size="sm" leftSection={<Plus size={16} aria-hidden />} onClick={() => setMaking(true)}>
            Make a token
          </Button>
        </Group>
      </Group>
      <Shown query={tokens}>
        {(list) => (
          <DataTable
            label="API tokens"
            columns={columns}
            rows={list}
            rowKey={(t) => t.id}
            minWidth={all ? 960 : 840}
            empty={
              <Empty icon={KeyRound} title="There is no API token yet">
                Make one for each program, so that each can be stopped alone.
              </Empty>
            }
          />
        )}
      </Shown>
      {making && <NewApiToken close={() => setMaking(false)} />}
      {asked && <RevokeDialog token={asked} close={() => setAsked(undefined)} />}
    </Stack>
  );
}

function useColumns(all: boolean, revoke: (t: ApiToken) => void): Column<ApiToken>[] {
  const time = useFormatTime();
  const users = useUsers(all).data;
  return useMemo(() => {
    const names = new Map(users?.map((u) => [u.id, u.name]));
    const owner: Column<ApiToken> = {
      key: 'owner',
      title: 'Of',
      width: 'minmax(7rem, 0.8fr)',
      value: (t) => names.get(t.user_id),
      render: (t) => names.get(t.user_id) ?? t.user_id.slice(-8),
    };
    const columns: Column<ApiToken>[] = [
      {
        key: 'name',
        title: 'Name',
        width: 'minmax(9rem, 1.2fr)',
        value: (t) => t.name,
        render: (t) => (
          <Text span size="sm" fw={600} title={t.name}>
            {t.name}
          </Text>
        ),
      },
      ...(all ? [owner] : []),
      {
        key: 'roles',
        title: 'Roles',
        width: 'minmax(8rem, 1fr)',
        value: (t) => roleNames(t.roles),
        render: (t) => <span title={roleNames(t.roles)}>{roleNames(t.roles)}</span>,
      },
      { key: 'state', title: 'State', width: '110px', render: (t) => <State token={t} /> },
      {
        key: 'used',
        title: 'Last used',
        width: '110px',
        align: 'right',
        descending: true,
        value: (t) => (t.last_used_at ? Date.parse(t.last_used_at) : undefined),
        render: (t) => <Used token={t} />,
      },
      {
        key: 'expires',
        title: 'Expires',
        width: '152px',
        value: (t) => (t.expires_at ? Date.parse(t.expires_at) : Number.MAX_SAFE_INTEGER),
        render: (t) => (t.expires_at ? time(t.expires_at, 'minute') : 'never'),
      },
      {
        key: 'made',
        title: 'Made',
        width: '152px',
        value: (t) => Date.parse(t.created_at),
        render: (t) => time(t.created_at, 'minute'),
      },
      {
        key: 'revoke',
        title: 'Revoke',
        head: hidden('Revoke'),
        width: '104px',
        render: (t) =>
          t.revoked_at ? null : (
            <Button size="compact-xs" variant="default" onClick={() => revoke(t)} aria-label={`Revoke ${t.name}`}>
              Revoke…
            </Button>
          ),
      },
    ];
    return columns;
  }, [all, users, time, revoke]);
}

function State({ token }: { token: ApiToken }) {
  const { now } = useLive();
  const state = apiTokenState(token, now);
  return (
    <Text span size="sm" c={state === 'valid' ? undefined : 'dimmed'}>
      {state}
    </Text>
  );
}

function Used({ token: t }: { token: ApiToken }) {
  const { now } = useLive();
  const time = useFormatTime();
  if (!t.last_used_at) return 'never';
  return <span title={time(t.last_used_at)}>{since(Date.parse(t.last_used_at), now)} ago</span>;
}

function RevokeDialog({ token: t, close }: { token: ApiToken; close: () => void }) {
  const revoke = useRevokeApiToken();
  const run = () =>
    revoke.mutate(t.id, {
      onSuccess: () => {
        notifications.show({ message: `Revoked the API token ${t.name}` });
        close();
      },
    });
  return (
    <Dialog
      opened
      close={close}
      title={`Revoke ${t.name}?`}
      action={`Revoke ${t.name}`}
      danger
      run={run}
      busy={revoke.isPending}
      error={revoke.error}
    >
      <Text size="sm">Programs that use this API token are refused from now on. This cannot be undone.</Text>
    </Dialog>
  );
}
