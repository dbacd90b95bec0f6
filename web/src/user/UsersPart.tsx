import { Badge, Button, Group, Menu, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMemo, useState } from 'react';
import { useUrlParams } from '../lib/url';
import { useMe } from '../session/session';
import { type Column, DataTable, hidden } from '../ui/DataTable';
import { Filter, KeyRound, Lock, LockOpen, Plus, Shield, Trash2 } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { RowMenu } from '../ui/RowMenu';
import { SearchInput } from '../ui/SearchInput';
import { Empty, Shown } from '../ui/State';
import { DeleteUserDialog, DisableDialog, NewUserDialog, PasswordDialog, RolesDialog } from './UserDialogs';
import { roleNames, type User, useChangeUser, useUsers } from './user';

const dialogs = { roles: RolesDialog, password: PasswordDialog, disable: DisableDialog, delete: DeleteUserDialog };
type Ask = (what: keyof typeof dialogs, user: User) => void;

/** Who can sign in, and what they may do. */
export function UsersPart() {
  const users = useUsers();
  const [params] = useUrlParams();
  const [adding, setAdding] = useState(false);
  const [asked, setAsked] = useState<{ what: keyof typeof dialogs; user: User }>();
  const ask = useMemo((): Ask => (what, user) => setAsked({ what, user }), []);
  const columns = useColumns(ask);
  const text = (params.get('search') ?? '').toLowerCase();
  const Asked = asked && dialogs[asked.what];
  return (
    <Stack gap="sm">
      <Group justify="space-between" gap="xs">
        <SearchInput label="Search users" placeholder="Name or role" />
        <Button size="sm" leftSection={<Plus size={16} aria-hidden />} onClick={() => setAdding(true)}>
          Add a user
        </Button>
      </Group>
      <Shown query={users}>
        {(all) => (
          <DataTable
            label="Users"
            columns={columns}
            rows={all.filter((u) => `${u.name} ${roleNames(u.roles)}`.toLowerCase().includes(text))}
            rowKey={(u) => u.id}
            sort="name"
            minWidth={780}
            empty={<Empty icon={Filter} title="No user is called like that" />}
          />
        )}
      </Shown>
      {adding && <NewUserDialog close={() => setAdding(false)} />}
      {Asked && asked && <Asked user={asked.user} close={() => setAsked(undefined)} />}
    </Stack>
  );
}

function useColumns(ask: Ask): Column<User>[] {
  const time = useFormatTime();
  const me = useMe().data?.user_id;
  return useMemo(
    (): Column<User>[] => [
      {
        key: 'name',
        title: 'Name',
        width: 'minmax(9rem, 1fr)',
        value: (u) => u.name,
        render: (u) => (
          <Group gap={6} wrap="nowrap">
            <Text span size="sm" fw={600} truncate title={u.name}>
              {u.name}
            </Text>
            {u.id === me && (
              <Badge size="xs" variant="default" tt="none">
                you
              </Badge>
            )}
          </Group>
        ),
      },
      {
        key: 'roles',
        title: 'Roles',
        width: 'minmax(11rem, 1.4fr)',
        value: (u) => roleNames(u.roles),
        render: (u) => <span title={roleNames(u.roles)}>{roleNames(u.roles)}</span>,
      },
      {
        key: 'state',
        title: 'State',
        width: '120px',
        value: (u) => Number(u.disabled),
        render: (u) =>
          u.disabled ? (
            <Group gap={5} wrap="nowrap">
              <Lock size={14} aria-hidden /> locked out
            </Group>
          ) : (
            'may sign in'
          ),
      },
      {
        key: 'password',
        title: 'Password set',
        width: '152px',
        value: (u) => Date.parse(u.password_changed_at),
        render: (u) => time(u.password_changed_at, 'minute'),
      },
      {
        key: 'created',
        title: 'Added',
        width: '152px',
        value: (u) => Date.parse(u.created_at),
        render: (u) => time(u.created_at, 'minute'),
      },
      {
        key: 'menu',
        title: 'Actions',
        head: hidden('Actions'),
        width: '44px',
        render: (u) => <RowMenu label={`Actions for ${u.name}`}>{() => <Actions user={u} ask={ask} />}</RowMenu>,
      },
    ],
    [time, me, ask],
  );
}

function Actions({ user: u, ask }: { user: User; ask: Ask }) {
  const change = useChangeUser();
  const enable = () =>
    change.mutate(
      { id: u.id, disabled: false },
      {
        onSuccess: () => notifications.show({ message: `${u.name} may sign in again` }),
        onError: (err) =>
          notifications.show({ color: 'red', title: `${u.name} stays locked out`, message: err.message }),
      },
    );
  return (
    <>
      <Menu.Item leftSection={<Shield size={15} aria-hidden />} onClick={() => ask('roles', u)}>
        Change roles…
      </Menu.Item>
      <Menu.Item leftSection={<KeyRound size={15} aria-hidden />} onClick={() => ask('password', u)}>
        Set password…
      </Menu.Item>
      {u.disabled ? (
        <Menu.Item leftSection={<LockOpen size={15} aria-hidden />} onClick={enable}>
          Let in again
        </Menu.Item>
      ) : (
        <Menu.Item leftSection={<Lock size={15} aria-hidden />} onClick={() => ask('disable', u)}>
          Lock out…
        </Menu.Item>
      )}
      <Menu.Item leftSection={<Trash2 size={15} aria-hidden />} onClick={() => ask('delete', u)}>
        Delete…
      </Menu.Item>
    </>
  );
}
