import { List, Stack, Text, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { Dialog } from '../ui/Dialog';
import { ErrorBox } from '../ui/State';
import { type Agent, type Outcome, useDeleteAgents, useRevokeAgents } from './agent';

type Props = { agents: Agent[]; close: (done: boolean) => void };

/** What is asked before agents are shut out. */
export function RevokeDialog({ agents, close }: Props) {
  const revoke = useRevokeAgents();
  const [reason, setReason] = useState('');
  const [failed, setFailed] = useState<Outcome>();
  const whom = nameOf(agents);
  const run = () =>
    revoke.mutate(
      { agents, reason: reason.trim() },
      { onSuccess: report(`Revoked ${whom}`, 'Revoked', close, setFailed) },
    );
  return (
    <Dialog
      opened
      close={() => close(false)}
      title={`Revoke ${whom}?`}
      action={`Revoke ${whom}`}
      danger
      run={run}
      busy={revoke.isPending}
    >
      <Several agents={agents} />
      <Text size="sm">
        {agents.length === 1
          ? 'The agent is shut out at once and for good: its certificate is worth nothing any more, its connection ends, its series stop. What was stored stays.'
          : 'The agents are shut out at once and for good: their certificates are worth nothing any more, their connections end, their series stop. What was stored stays.'}
      </Text>
      <Text size="sm">
        {agents.length === 1
          ? 'The host comes back only with a new token, as a new agent.'
          : 'The hosts come back only with a new token, as new agents.'}
      </Text>
      <TextInput
        label="Reason"
        description="Shown in the fleet and in the audit log"
        maxLength={500}
        value={reason}
        onChange={(e) => setReason(e.currentTarget.value)}
        data-autofocus
      />
      <Failures outcome={failed} />
    </Dialog>
  );
}

/** What is asked before revoked agents are forgotten. */
export function DeleteDialog({ agents, close }: Props) {
  const remove = useDeleteAgents();
  const [failed, setFailed] = useState<Outcome>();
  const whom = nameOf(agents);
  const run = () => remove.mutate({ agents }, { onSuccess: report(`Deleted ${whom}`, 'Deleted', close, setFailed) });
  return (
    <Dialog
      opened
      close={() => close(false)}
      title={`Delete ${whom}?`}
      action={`Delete ${whom}`}
      danger
      run={run}
      busy={remove.isPending}
    >
      <Several agents={agents} />
      <Text size="sm">
        {agents.length === 1
          ? 'The revoked agent leaves the list with its inventory, results and events, and its name is free again.'
          : 'The revoked agents leave the list with their inventory, results and events, and their names are free again.'}{' '}
        This cannot be undone.
      </Text>
      <Text size="sm">Samples stay until they are too old, and the audit log keeps what happened.</Text>
      <Failures outcome={failed} />
    </Dialog>
  );
}

export function nameOf(agents: Agent[]): string {
  return agents.length === 1 ? (agents[0]?.instance ?? '') : `${agents.length} agents`;
}

function report(whole: string, verb: string, close: (done: boolean) => void, fail: (o: Outcome) => void) {
  return (o: Outcome) => {
    if (o.failed.length === 0) {
      notifications.show({ message: whole });
      close(true);
      return;
    }
    if (o.done > 0) notifications.show({ message: `${verb} ${o.done} of ${o.done + o.failed.length} agents` });
    fail(o);
  };
}

function Several({ agents }: { agents: Agent[] }) {
  if (agents.length < 2) return null;
  const shown = agents.slice(0, 8);
  return (
    <List size="sm" spacing={0}>
      {shown.map((a) => (
        <List.Item key={a.id}>{a.instance}</List.Item>
      ))}
      {agents.length > shown.length && <List.Item>and {agents.length - shown.length} more</List.Item>}
    </List>
  );
}

function Failures({ outcome }: { outcome?: Outcome }) {
  if (!outcome) return null;
  return (
    <Stack gap="xs">
      {outcome.failed.slice(0, 4).map(({ agent, error }) => (
        <ErrorBox key={agent.id} title={agent.instance} error={error} />
      ))}
      {outcome.failed.length > 4 && <Text size="sm">and {outcome.failed.length - 4} more</Text>}
    </Stack>
  );
}
