import { Button, Group, PasswordInput, Stack, Text } from '@mantine/core';
import { Copy } from '../ui/Copy';
import { Circle, CircleCheck } from '../ui/icons';
import { makePassword, passwordProblem } from './user';

type Props = {
  label: string;
  value: string;
  onChange: (password: string) => void;
  error?: string;
  /** Offers to make one up, for somebody else's password. */
  offer?: boolean;
};

/** Asks for a new password and shows the rule it must keep. */
export function NewPassword({ label, value, onChange, error, offer }: Props) {
  const problem = passwordProblem(value);
  const Icon = problem ? Circle : CircleCheck;
  return (
    <Stack gap={4}>
      <PasswordInput
        label={label}
        autoComplete="new-password"
        value={value}
        onChange={(e) => onChange(e.currentTarget.value)}
        error={error}
        visibilityToggleButtonProps={{ 'aria-label': `Show: ${label}` }}
      />
      <Group gap="xs" justify="space-between" mih={24}>
        <Group gap={5} wrap="nowrap">
          <Icon size={14} aria-hidden color={problem ? undefined : 'light-dark(#0b6b62, #4fb0a5)'} />
          <Text size="xs" c="dimmed">
            {problem === 'At most 1024 bytes' ? problem : `At least 12 characters${problem ? '' : ': good'}`}
          </Text>
        </Group>
        {offer && (
          <Group gap={4}>
            <Button size="compact-xs" variant="default" onClick={() => onChange(makePassword())}>
              Make one up
            </Button>
            {value && <Copy value={value} label="Copy the password" />}
          </Group>
        )}
      </Group>
    </Stack>
  );
}
