import { Anchor, Button, Group, Loader, Paper, SegmentedControl, Stack, Text, Title } from '@mantine/core';
import { Link } from 'wouter';
import { useHref, useUrlState } from '../lib/url';
import { useLive } from '../live/live';
import { CodeBlock } from '../ui/CodeBlock';
import { CircleCheck, Play } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { ErrorBox } from '../ui/State';
import { type NewEnrollTokenResult, useAgents } from './agent';
import { doctorLine, installLines, type Way, ways } from './install';
import { StateMark } from './StateMark';

/** A new token, shown once: what to run on the hosts, and the hosts that come in with it. */
export function TokenMade({ made, done }: { made: NewEnrollTokenResult; done: () => void }) {
  const time = useFormatTime();
  const [asked, setWay] = useUrlState('how', 'deb');
  const way: Way = ways.find((w) => w.value === asked)?.value ?? 'deb';
  return (
    <Paper withBorder p="md">
      <Stack gap="sm">
        <Group justify="space-between" gap="xs">
          <Title order={2} size="h4">
            {made.uses_max === 1 ? 'Token for one host' : `Token for ${made.uses_max} hosts`}
          </Title>
          <Button variant="default" size="compact-sm" onClick={done}>
            Make another
          </Button>
        </Group>
        <Text size="sm">
          Good until {time(made.expires_at, 'minute')}. Agents connect to <b>{made.addresses.join(', ')}</b>: hosts must
          reach that. The token is shown only here and only now.
        </Text>
        <SegmentedControl
          data={ways}
          value={way}
          onChange={setWay}
          size="xs"
          style={{ alignSelf: 'flex-start' }}
          aria-label="How the host gets the agent"
        />
        <div>
          <Text size="sm" mb={4}>
            {way === 'hand' ? 'On the host, with the program alone:' : 'On the host, as root:'}
          </Text>
          <CodeBlock label="lines for the host" text={installLines(way, made.token)} wrap />
        </div>
        <div>
          <Text size="sm" mb={4}>
            If it does not show up below, this says why:
          </Text>
          <CodeBlock label="line that examines the agent" text={doctorLine(way)} />
        </div>
        <details>
          <summary>
            <Text span size="sm">
              The token alone
            </Text>
          </summary>
          <CodeBlock label="the token" text={made.token} wrap />
        </details>
        <Arrivals made={made} />
      </Stack>
    </Paper>
  );
}

/** The hosts that enrolled with the token, as they come. */
function Arrivals({ made }: { made: NewEnrollTokenResult }) {
  const agents = useAgents();
  const link = useHref();
  const time = useFormatTime();
  const live = useLive();
  const here = (agents.data ?? [])
    .filter((a) => a.enrolled_with === made.id)
    .sort((a, b) => b.enrolled_at.localeCompare(a.enrolled_at));
  const all = here.length >= made.uses_max;
  return (
    <Stack gap={6}>
      <Group gap="xs" role="status">
        {all ? (
          <CircleCheck size={18} aria-hidden color="light-dark(#0b6b62, #4fb0a5)" />
        ) : (
          !live.paused && <Loader size={16} aria-hidden />
        )}
        <Text size="sm" fw={600}>
          {all
            ? `${here.length === 1 ? 'The host has' : `All ${here.length} hosts have`} enrolled`
            : here.length === 0
              ? `Waiting for ${made.uses_max === 1 ? 'the host' : 'hosts'}`
              : `${here.length} of ${made.uses_max} hosts have enrolled`}
        </Text>
        {live.paused && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<Play size={13} aria-hidden />}
            onClick={() => live.setPaused(false)}
          >
            Live updates are paused: go on
          </Button>
        )}
      </Group>
      {agents.error && <ErrorBox error={agents.error} retry={() => agents.refetch()} />}
      {here.slice(0, 50).map((a) => (
        <Group key={a.id} gap="md" wrap="wrap">
          <Anchor component={Link} href={link(`/hosts/${encodeURIComponent(a.instance)}`)} size="sm" fw={600}>
            {a.instance}
          </Anchor>
          <StateMark state={a.state} />
          <Text size="sm" c="dimmed">
            {a.os} {a.arch}, {a.version}, enrolled {time(a.enrolled_at, 'time')}
          </Text>
        </Group>
      ))}
      {here.length > 50 && (
        <Anchor component={Link} href={link('/fleet', { with: made.id })} size="sm">
          All {here.length} in the fleet
        </Anchor>
      )}
    </Stack>
  );
}
