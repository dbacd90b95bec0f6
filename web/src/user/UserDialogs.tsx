import { Text, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useMe } from '../session/session';
import { Dialog } from '../ui/Dialog';
import { fieldError } from '../ui/FormError';
import { NewPassword } from './NewPassword';
import { RolesInput } from './RolesInput';
import {
  passwordProblem,
  roleNames,
  type User,
  type UserRole,
  useChangeUser,
  useCreateUser,
  useDeleteUser,
  useSetPassword,
} from './user';

type Props = { user: User; close: () => void };

function told(message: string, close: () => void) {
  return {
    onSuccess: () => {
      notifications.show({ message });
      close();
    },
  };
}

export function NewUserDialog({ close }: { close: () => void }) {
  const create = useCreateUser();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [roles, setRoles] = useState<UserRole[]>(['viewer']);
  return (
    <Dialog
      opened
      close={close}
      title="Add a user"
      action="Add the user"
      run={() => create.mutate({ name, password, roles }, told(`Added ${name}`, close))}
      busy={create.isPending}
      error={create.error}
      fields={['name', 'password', 'roles']}
      disabled={name === '' || passwordProblem(password) !== undefined || roles.length === 0}
    >
      <TextInput
        label="Name"
        description="Letters, digits and . _ @ + -"
        autoComplete="off"
        maxLength={64}
        value={name}
        onChange={(e) => setName(e.currentTarget.value)}
        error={fieldError(create.error, 'name')}
        data-autofocus
      />
      <NewPassword
        label="Password"
        value={password}
        onChange={setPassword}
        error={fieldError(create.error, 'password')}
        offer
      />
      <RolesInput label="Roles" value={roles} onChange={setRoles} error={fieldError(create.error, 'roles')} />
    </Dialog>
  );
}

export function RolesDialog({ user, close }: Props) {
  const change = useChangeUser();
  const me = useMe().data;
  const [roles, setRoles] = useState<UserRole[]>(user.roles);
  const losing = user.id === me?.user_id && user.roles.includes('admin') && !roles.includes('admin');
  return (
    <Dialog
      opened
      close={close}
      title={`Roles of ${user.name}`}
      action="Change the roles"
      run={() => change.mutate({ id: user.id, roles }, told(`${user.name} is now ${roleNames(roles)}`, close))}
      busy={change.isPending}
      error={change.error}
      fields={['roles']}
      disabled={roles.length === 0}
    >
      <RolesInput label="Roles" value={roles} onChange={setRoles} error={fieldError(change.error, 'roles')} />
      <Text size="sm" c="dimmed">
        {losing
          ? 'That is you: afterwards you see neither users nor the audit log.'
          : 'It holds at once. API tokens lose what their user loses.'}
      </Text>
    </Dialog>
  );
}

export function PasswordDialog({ user, close }: Props) {
  const set = useSetPassword();
  const [password, setPassword] = useState('');
  return (
    <Dialog
      opened
      close={close}
      title={`New password for ${user.name}`}
      action="Set the password"
      run={() => set.mutate({ id: user.id, password }, told(`${user.name} has a new password`, close))}
      busy={set.isPending}
      error={set.error}
      fields={['password']}
      disabled={passwordProblem(password) !== undefined}
    >
      <NewPassword
        label="New password"
        value={password}
        onChange={setPassword}
        error={fieldError(set.error, 'password')}
        offer
      />
      <Text size="sm" c="dimmed">
        All sessions of {user.name} end. API tokens stay.
      </Text>
    </Dialog>
  );
}

export function DisableDialog({ user, close }: Props) {
  const change = useChangeUser();
  return (
    <Dialog
      opened
      close={close}
      title={`Lock ${user.name} out?`}
      action={`Lock ${user.name} out`}
      danger
      run={() => change.mutate({ id: user.id, disabled: true }, told(`${user.name} is locked out`, close))}
      busy={change.isPending}
      error={change.error}
    >
      <Text size="sm">
        All sessions of {user.name} end, and the user’s API tokens stop to work. You can let {user.name} in again later.
      </Text>
    </Dialog>
  );
}

export function DeleteUserDialog({ user, close }: Props) {
  const del = useDeleteUser();
  const me = useMe().data;
  return (
    <Dialog
      opened
      close={close}
      title={`Delete ${user.name}?`}
      action={`Delete ${user.name}`}
      danger
      run={() => del.mutate(user.id, told(`Deleted ${user.name}`, close))}
      busy={del.isPending}
      error={del.error}
    >
      <Text size="sm">
        The user’s sessions end and its API tokens go with it: programs that use them are shut out. The audit log keeps
        what {user.name} did. This cannot be undone.
      </Text>
      {user.id === me?.user_id && (
        <Text size="sm" fw={600}>
          That is you.
        </Text>
      )}
    </Dialog>
  );
}
