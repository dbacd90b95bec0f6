import { Checkbox, Stack } from '@mantine/core';
import { roles, type UserRole } from './user';

type Props = {
  label: string;
  value: UserRole[];
  onChange: (roles: UserRole[]) => void;
  /** Which can be given; all by default. */
  among?: (role: UserRole) => boolean;
  error?: string;
};

/** Chooses roles, each with what it lets people do. */
export function RolesInput({ label, value, onChange, among = () => true, error }: Props) {
  return (
    <Checkbox.Group label={label} value={value} onChange={(v) => onChange(v as UserRole[])} error={error}>
      <Stack gap={6} mt={4}>
        {roles
          .filter((r) => among(r.role))
          .map((r) => (
            <Checkbox key={r.role} value={r.role} label={r.name} description={r.may} />
          ))}
      </Stack>
    </Checkbox.Group>
  );
}
