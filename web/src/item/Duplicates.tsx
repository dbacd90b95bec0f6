import { Alert, Anchor, Button, Group, Radio, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { Link } from 'wouter';
import { useHref } from '../lib/url';
import { useMay } from '../session/session';
import { Dialog } from '../ui/Dialog';
import { Copy } from '../ui/icons';
import { useFormatTime } from '../ui/prefs';
import { type DuplicateSet, type ItemDetail, itemPath, type SetChange, useChangeSet, useDuplicates } from './item';

/** The sets of items that this one may be one thing with, or was merged in, and what can be done about it. */
export function Duplicates({ item }: { item: ItemDetail }) {
  const sets = useDuplicates(item.id);
  return (
    <>
      {sets.data?.map((s) => (
        <OneSet key={s.id} set={s} id={item.id} />
      ))}
    </>
  );
}

function OneSet({ set, id }: { set: DuplicateSet; id: string }) {
  const [asked, setAsked] = useState<SetChange['verb']>();
  const may = useMay('operator');
  const link = useHref();
  const write = useFormatTime();
  const others = set.items.filter((i) => i.id !== id);
  const open = set.state === 'open';
  const button = (verb: SetChange['verb'], words: string) => (
    <Button
      size="compact-sm"
      variant="default"
      disabled={!may}
      title={may ? undefined : 'Needs the role operator'}
      onClick={() => setAsked(verb)}
    >
      {words}
    </Button>
  );
  return (
    <Alert color={open ? 'orange' : 'blue'} variant="light" mb="sm" icon={<Copy size={18} aria-hidden />}>
      <Text size="sm" fw={600} c="var(--mantine-color-text)">
        {open ? 'May be the same as another item' : 'Merged'}
      </Text>
      <Text size="sm" c="var(--mantine-color-text)">
        {open ? 'With ' : 'Of '}
        {others.map((o, n) => (
          <span key={o.id}>
            {n > 0 && ', '}
            <Anchor component={Link} href={link(itemPath(o.id))} inherit underline="always">
              {o.name || o.id}
            </Anchor>{' '}
            {o.class_label && `(${o.class_label})`}
          </span>
        ))}
        : {set.reason}, {write(open ? set.created_at : set.updated_at, 'minute')}
        {set.updated_by && !open && ` by ${set.updated_by}`}.
      </Text>
      <Group gap="xs" mt={8}>
        {open ? (
          <>
            {button('merge', 'Make them one…')}
            {button('dismiss', 'They are different…')}
          </>
        ) : (
          button('undo', 'Part them again…')
        )}
      </Group>
      {asked && <Ask set={set} verb={asked} close={() => setAsked(undefined)} />}
    </Alert>
  );
}

const words = {
  merge: { title: 'Make these items one?', action: 'Make them one', done: 'The items are one now' },
  dismiss: {
    title: 'Are these different things?',
    action: 'They are different',
    done: 'The items count as different things',
  },
  undo: { title: 'Part what was merged?', action: 'Part them', done: 'The items are parted' },
};

function Ask({ set, verb, close }: { set: DuplicateSet; verb: SetChange['verb']; close: () => void }) {
  const change = useChangeSet();
  const [main, setMain] = useState(set.main);
  const run = () =>
    change.mutate(
      { id: set.id, verb, main: verb === 'merge' ? main : undefined },
      {
        onSuccess: () => {
          notifications.show({ message: words[verb].done });
          close();
        },
      },
    );
  const names = set.items.map((i) => i.name || i.id).join(', ');
  return (
    <Dialog
      opened
      close={close}
      title={words[verb].title}
      action={words[verb].action}
      run={run}
      busy={change.isPending}
      error={change.error}
    >
      {verb === 'merge' && (
        <>
          <Radio.Group label="Which one stays" value={main} onChange={setMain}>
            <Stack gap={6} mt={6}>
              {set.items.map((i) => (
                <Radio key={i.id} value={i.id} label={`${i.name || i.id} (${i.class_label ?? 'deleted'})`} />
              ))}
            </Stack>
          </Radio.Group>
          <Text size="sm">
            What sources say of the others, their relations and what hangs on them moves to the one that stays. You can
            part them again.
          </Text>
        </>
      )}
      {verb === 'dismiss' && <Text size="sm">{names}: they are not taken for one thing again.</Text>}
      {verb === 'undo' && (
        <Text size="sm">
          {names}: each gets back what sources said of it, its relations and what hung on it. What was reported since
          the merge stays where it is.
        </Text>
      )}
    </Dialog>
  );
}
