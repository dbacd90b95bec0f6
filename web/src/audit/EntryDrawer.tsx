import { Anchor, Drawer, Stack, Table, Text } from '@mantine/core';
import { Link, useLocation } from 'wouter';
import { href, stickyParams, useHref, useUrlParams, withParams } from '../lib/url';
import { useFormatTime } from '../ui/prefs';
import { type AuditEntry, actions, actorName, pairs, targetName, targetTypes } from './audit';

type Props = { entry?: AuditEntry; names: ReadonlyMap<string, string>; close: () => void };

/** All of one entry, and where to go from it. */
export function EntryDrawer({ entry, names, close }: Props) {
  return (
    <Drawer
      opened={entry !== undefined}
      onClose={close}
      position="right"
      size="md"
      title={entry && (actions[entry.action] ?? entry.action)}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {entry && <Body e={entry} names={names} />}
    </Drawer>
  );
}

function Body({ e, names }: { e: AuditEntry; names: ReadonlyMap<string, string> }) {
  const time = useFormatTime();
  const link = useHref();
  const [path] = useLocation();
  const [params] = useUrlParams();
  const only = (filter: Record<string, string | undefined>) =>
    href(path, withParams(stickyParams(params.toString()), filter));
  const type = targetTypes[e.target_type] ?? e.target_type;
  const rows: [string, string][] = [
    ['time', time(e.time)],
    ['by', actorName(e)],
    ['address', e.remote_addr ?? '–'],
    ['action', e.action],
    ['target', `${targetName(e, names)} (${type})`],
    ['target’s id', e.target_id ?? '–'],
    ...pairs(e.detail, time),
  ];
  const instance = e.target_type === 'agent' ? targetName(e, names) : undefined;
  return (
    <Stack gap="md">
      <Table layout="auto" verticalSpacing={5} withRowBorders={false}>
        <Table.Tbody>
          {rows.map(([k, v], i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a detail may have names of ours
            <Table.Tr key={i}>
              <Table.Th scope="row" style={{ verticalAlign: 'top', width: 110, fontWeight: 400 }}>
                <Text size="sm" c="dimmed">
                  {k}
                </Text>
              </Table.Th>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>{v}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Stack gap={4}>
        {e.target_id && (
          <Anchor component={Link} href={only({ target: e.target_id, type: e.target_type })} size="sm">
            All about this {type}
          </Anchor>
        )}
        {e.actor_id && (
          <Anchor component={Link} href={only({ actor: e.actor_id })} size="sm">
            All by {actorName(e)}
          </Anchor>
        )}
        <Anchor component={Link} href={only({ action: e.action })} size="sm">
          All of this kind
        </Anchor>
        {instance && e.action !== 'agent.delete' && (
          <Anchor component={Link} href={link(`/hosts/${encodeURIComponent(instance)}`)} size="sm">
            To the host {instance}
          </Anchor>
        )}
      </Stack>
    </Stack>
  );
}
