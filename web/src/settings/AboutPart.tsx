import { Anchor, Paper, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { format } from '../lib/number';
import { since } from '../lib/time';
import { useLive } from '../live/live';
import { type Status, useStatus } from '../status/status';
import { CodeBlock } from '../ui/CodeBlock';
import { Facts } from '../ui/DataTable';
import { useFormatTime } from '../ui/prefs';
import { Shown } from '../ui/State';

/** What runs here, what it stores, and where to read on. */
export function AboutPart() {
  const status = useStatus();
  return (
    <Shown query={status}>
      {(s) => (
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
          <Running s={s} />
          <Stored s={s} />
          <Programs />
          <Reading />
        </SimpleGrid>
      )}
    </Shown>
  );
}

function Running({ s }: { s: Status }) {
  const time = useFormatTime();
  const { now } = useLive();
  return (
    <Box title="Collector">
      <Facts
        items={[
          ['Version', s.version],
          ['Started', time(s.started_at, 'minute')],
          ['Up for', since(Date.parse(s.started_at), now)],
        ]}
      />
    </Box>
  );
}

function Stored({ s }: { s: Status }) {
  return (
    <Box title="Storage">
      <Facts
        items={[
          ['Series in memory', s.storage?.series.toLocaleString('en') ?? '–'],
          ['Disk for samples', format(s.storage?.metrics_bytes, 'bytes')],
          [
            'Disk for rows',
            s.storage?.database_bytes === undefined ? 'on another server' : format(s.storage.database_bytes, 'bytes'),
          ],
        ]}
      />
    </Box>
  );
}

function Programs() {
  const origin = window.location.origin;
  return (
    <Box title="For programs">
      <Stack gap="xs">
        <Text size="sm">
          The REST API is described at{' '}
          <Anchor underline="always" href="/api/openapi.json" target="_blank" rel="noopener">
            /api/openapi.json
          </Anchor>
          . Programs sign in with an API token.
        </Text>
        <div>
          <Text size="sm" mb={4}>
            Grafana and others that speak to Prometheus use
          </Text>
          <CodeBlock label="address of the Prometheus API" text={`${origin}/prometheus`} wrap />
        </div>
        <div>
          <Text size="sm" mb={4}>
            On a terminal
          </Text>
          <CodeBlock label="command that signs in" text={`picket login --url ${origin}`} wrap />
        </div>
      </Stack>
    </Box>
  );
}

function Reading() {
  const home = 'https://github.com/picketmon/picket';
  return (
    <Box title="Picket">
      <Stack gap={4}>
        <Text size="sm">
          <Anchor href={`${home}/tree/main/docs`} target="_blank" rel="noopener noreferrer">
            Documentation
          </Anchor>
        </Text>
        <Text size="sm">
          <Anchor href={home} target="_blank" rel="noopener noreferrer">
            Source
          </Anchor>
        </Text>
        <Text size="sm">
          Licence:{' '}
          <Anchor underline="always" href={`${home}/blob/main/LICENSE`} target="_blank" rel="noopener noreferrer">
            Apache-2.0
          </Anchor>
        </Text>
      </Stack>
    </Box>
  );
}

function Box({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="sm">
        {title}
      </Title>
      {children}
    </Paper>
  );
}
