import { Button, Group, Popover, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';
import { since } from '../lib/time';
import { History } from '../ui/icons';
import classes from './Explore.module.css';
import { search, type useHistory } from './history';
import { Picker } from './Picker';

/** What was asked before, to ask it again. */
export function HistoryMenu({
  history,
  choose,
}: {
  history: ReturnType<typeof useHistory>;
  choose: (q: string) => void;
}) {
  const [opened, { toggle, close }] = useDisclosure();
  const [text, setText] = useState('');
  return (
    <Popover opened={opened} onChange={(o) => !o && close()} position="bottom-end" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" size="compact-sm" leftSection={<History size={15} aria-hidden />} onClick={toggle}>
          History
        </Button>
      </Popover.Target>
      <Popover.Dropdown w="min(640px, 94vw)" p="xs">
        <Picker
          label="Search the queries you ran"
          placeholder="Search the queries you ran"
          text={text}
          setText={setText}
          items={search(history.past, text)}
          itemKey={(p) => p.query}
          choose={(p) => {
            choose(p.query);
            close();
          }}
          rowHeight={46}
          height="min(420px, 60vh)"
          render={(p) => (
            <>
              <div className={`${classes.code} ${classes.optionText}`} title={p.query}>
                {p.query}
              </div>
              <Text size="xs" c="dimmed">
                {since(p.at, Date.now())} ago
              </Text>
            </>
          )}
          empty={
            <Text size="sm" c="dimmed" p="xs">
              {history.past.length === 0 ? 'No query ran yet.' : 'No query has these words.'}
            </Text>
          }
        />
        {history.past.length > 0 && (
          <Group justify="space-between" mt={6}>
            <Text size="xs" c="dimmed">
              Kept in this browser only.
            </Text>
            <Button size="compact-xs" variant="subtle" color="gray" onClick={history.clear}>
              Forget all
            </Button>
          </Group>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}
