import { Alert, Anchor, Code, List, Text } from '@mantine/core';
import { Link } from 'wouter';
import { instant, since } from '../lib/time';
import { useHref, useUrlParams } from '../lib/url';
import { useLive } from '../live/live';
import { Ban, CircleDashed, TriangleAlert } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { certificateEnd, hostPath, type OneHost } from './host';

/** Says of a host that is not up what is known, and what to look at. */
export function Silent({ host }: { host: OneHost }) {
  if (host.state === 'up') return null;
  if (host.state === 'revoked') return <Revoked host={host} />;
  return host.last_seen_at ? <Lost host={host} seen={Date.parse(host.last_seen_at)} /> : <Never host={host} />;
}

/** In the colour of text: a coloured one would be hard to read on white. */
const Heading = ({ children }: { children: string }) => (
  <Text span size="sm" fw={700} c="var(--mantine-color-text)">
    {children}
  </Text>
);

function Lost({ host, seen }: { host: OneHost; seen: number }) {
  const { now } = useLive();
  const write = useFormatTime();
  const link = useHref();
  const [params] = useUrlParams();
  const end = certificateEnd(host);
  const hour = { from: instant(seen / 1000 - 3600), to: instant(seen / 1000 + 60), range: undefined };
  return (
    <Alert
      color={host.state === 'down' ? 'red' : 'orange'}
      variant="outline"
      mb="sm"
      role="status"
      icon={<TriangleAlert size={18} aria-hidden />}
      title={<Heading>{`Silent for ${since(seen, now)}: last heard of ${write(seen)}`}</Heading>}
    >
      <Text size="sm">
        The agent keeps measuring while it cannot deliver, and delivers later. On the host, look at:
      </Text>
      <List size="sm" mt={4} spacing={2}>
        <List.Item>
          whether the agent runs: <Code>systemctl status picket-agent</Code>, and what it says:{' '}
          <Code>journalctl -u picket-agent -n 50</Code>
        </List.Item>
        <List.Item>
          whether the host reaches the collector: <Code>picket-agent doctor</Code> tries it
          {host.remote_addr && `; it came from ${host.remote_addr}`}
        </List.Item>
        {end !== undefined && (
          <List.Item>
            {end <= now ? (
              <b>its certificate expired {write(end)}: enrol the host anew</b>
            ) : (
              `its certificate is good until ${write(end)}`
            )}
          </List.Item>
        )}
      </List>
      <Anchor
        component={Link}
        href={link(hostPath(host.instance), { ...hour, tab: params.get('tab') ?? undefined })}
        size="sm"
        mt={6}
        display="inline-block"
      >
        Show its last hour
      </Anchor>
    </Alert>
  );
}

function Never({ host }: { host: OneHost }) {
  const write = useFormatTime();
  return (
    <Alert
      color="orange"
      variant="outline"
      mb="sm"
      role="status"
      icon={<CircleDashed size={18} aria-hidden />}
      title={<Heading>{`Enrolled ${write(host.enrolled_at)}, and never heard of since`}</Heading>}
    >
      <Text size="sm">
        The agent has its certificate, and has not connected with it. On the host, look at{' '}
        <Code>systemctl status picket-agent</Code> and <Code>journalctl -u picket-agent -n 50</Code>.
      </Text>
    </Alert>
  );
}

function Revoked({ host }: { host: OneHost }) {
  const write = useFormatTime();
  return (
    <Alert
      color="gray"
      variant="outline"
      mb="sm"
      role="status"
      icon={<Ban size={18} aria-hidden />}
      title={<Heading>{`Shut out for good ${write(host.revoked_at)}`}</Heading>}
    >
      <Text size="sm">
        {host.revoked_reason || 'No reason was given.'} The host comes back as a new agent with a new token.
      </Text>
    </Alert>
  );
}
