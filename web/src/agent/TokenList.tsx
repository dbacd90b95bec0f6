import { Anchor, Button, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import { since } from '../lib/time';
import { useHref } from '../lib/url';
import { useLive } from '../live/live';
import { type Column, DataTable, hidden } from '../ui/DataTable';
import { Dialog } from '../ui/Dialog';
import { KeyRound } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { Empty, Shown } from '../ui/State';
import { type EnrollToken, useEnrollTokens, useRevokeEnrollToken } from './agent';

/** What a token is good for at a time. */
export function tokenState(t: EnrollToken, now: number): 'valid' | 'revoked' | 'expired' | 'used up' | 'not yet valid' {
  if (t.revoked_at) return 'revoked';
  if (t.uses_left === 0) return 'used up';
  if (Date.parse(t.expires_at) <= now) return 'expired';
  return Date.parse(t.not_before) > now ? 'not yet valid' : 'valid';
}

/** The tokens that were made, the newest first. */
export function TokenList() {
  const tokens = useEnrollTokens();
  const [asked, setAsked] = useState<EnrollToken>();
  const columns = useColumns(setAsked);
  return (
    <Shown query={tokens}>
      {(all) => (
        <>
          <DataTable
            label="Tokens"
            columns={columns}
            rows={all}
            rowKey={(t) => t.id}
            sortParam="tokens"
            maxHeight="50vh"
            minWidth={880}
            empty={
              <Empty icon={KeyRound} title="No token was made yet">
                Make one above, or on the collector’s host with <code>picket-collector token create</code>.
              </Empty>
            }
          />
          {asked && <RevokeToken token={asked} close={() => setAsked(undefined)} />}
        </>
      )}
    </Shown>
  );
}

function useColumns(revoke: (t: EnrollToken) => void): Column<EnrollToken>[] {
  const time = useFormatTime();
  const link = useHref();
  return useMemo(
    (): Column<EnrollToken>[] => [
      {
        key: 'id',
        title: 'Token',
        width: '96px',
        render: (t) => (
          <Anchor component={Link} href={link('/fleet', { with: t.id })} size="sm" title={`agents of token ${t.id}`}>
            {t.id.slice(-8)}
          </Anchor>
        ),
      },
      { key: 'state', title: 'State', width: '136px', render: (t) => <State token={t} /> },
      {
        key: 'uses',
        title: 'Uses left',
        width: '100px',
        align: 'right',
        value: (t) => t.uses_left,
        render: (t) => `${t.uses_left} of ${t.uses_max}`,
      },
      {
        key: 'expires',
        title: 'Expires',
        width: '152px',
        value: (t) => Date.parse(t.expires_at),
        render: (t) => time(t.expires_at, 'minute'),
      },
      {
        key: 'made',
        title: 'Made',
        width: '152px',
        value: (t) => Date.parse(t.created_at),
        render: (t) => time(t.created_at, 'minute'),
      },
      {
        key: 'by',
        title: 'By',
        width: 'minmax(8rem, 1fr)',
        value: (t) => t.created_by,
        render: (t) => <span title={t.created_by}>{t.created_by || '–'}</span>,
      },
      {
        key: 'addresses',
        title: 'Collector’s addresses',
        width: 'minmax(10rem, 1.4fr)',
        render: (t) => <span title={t.addresses.join(', ')}>{t.addresses.join(', ')}</span>,
      },
      {
        key: 'reinstall',
        title: 'Reinstall',
        width: '84px',
        render: (t) => (t.allow_reinstall ? 'yes' : 'no'),
      },
      {
        key: 'revoke',
        title: 'Revoke',
        head: hidden('Revoke'),
        width: '104px',
        render: (t) => <Revoke token={t} ask={() => revoke(t)} />,
      },
    ],
    [time, link, revoke],
  );
}

function State({ token: t }: { token: EnrollToken }) {
  const { now } = useLive();
  const state = tokenState(t, now);
  if (state !== 'valid')
    return (
      <Text span size="sm" c="dimmed">
        {state}
      </Text>
    );
  return <span>valid, {since(now, Date.parse(t.expires_at))} left</span>;
}

function Revoke({ token: t, ask }: { token: EnrollToken; ask: () => void }) {
  const { now } = useLive();
  const state = tokenState(t, now);
  if (state !== 'valid' && state !== 'not yet valid') return null;
  return (
    <Button size="compact-xs" variant="default" onClick={ask} aria-label={`Revoke token ${t.id.slice(-8)}`}>
      Revoke…
    </Button>
  );
}

function RevokeToken({ token: t, close }: { token: EnrollToken; close: () => void }) {
  const revoke = useRevokeEnrollToken();
  const name = t.id.slice(-8);
  const run = () =>
    revoke.mutate(t.id, {
      onSuccess: () => {
        notifications.show({ message: `Token ${name} is worth nothing any more` });
        close();
      },
    });
  return (
    <Dialog
      opened
      close={close}
      title={`Revoke token ${name}?`}
      action={`Revoke ${name}`}
      danger
      run={run}
      busy={revoke.isPending}
      error={revoke.error}
    >
      <Text size="sm">
        No host can enrol with it any more, {t.uses_left} of {t.uses_max} uses are lost. Agents that enrolled with it
        stay.
      </Text>
    </Dialog>
  );
}
