import { ActionIcon, Button, Group, Menu, Tooltip, UnstyledButton } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import type { Ref } from 'react';
import { format } from '../lib/number';
import {
  ArrowDown,
  ArrowUp,
  Braces,
  CircleAlert,
  Copy,
  EllipsisVertical,
  Eye,
  EyeOff,
  Info,
  Play,
  Terminal,
  Trash2,
} from '../ui/icons';
import { advice } from '../ui/State';
import classes from './Explore.module.css';
import { curlOf, letter, type Plan, perPoint, type Row, rawPath } from './explore';
import { mistakeIn } from './promql';
import { type EditorHandle, QueryEditor } from './QueryEditor';
import { mostRows } from './results';
import type { Rows } from './useRows';

/** What is known of a row's answer, of a chart or of a table. */
export type Outcome = {
  error: unknown;
  fetching: boolean;
  series?: number;
  took?: number;
  warnings?: string[];
  truncated?: boolean;
};

type Props = {
  row: Row;
  at: number;
  rows: Rows;
  outcome: Outcome;
  plan: Plan;
  table: boolean;
  onRun: (text: string) => void;
  onUse: () => void;
  takesFocus?: () => boolean;
  ref?: Ref<EditorHandle>;
};

/** One query: its editor, what can be done with it, and how it went. */
export function QueryRow({ row, at, rows, outcome, plan, table, onRun, onUse, takesFocus, ref }: Props) {
  const name = `Query ${letter(at)}`;
  const run = (text = row.text) => onRun(text);
  const mistake = outcome.error ? wordsOf(row.query, outcome.error) : undefined;
  const changed = row.text.trim() !== row.query;
  return (
    <section className={classes.query} aria-label={name} onFocus={onUse}>
      <Tooltip label={row.hidden ? `Show ${name} again` : `Hide ${name}`}>
        <UnstyledButton
          className={classes.letter}
          aria-pressed={!row.hidden}
          aria-label={`${name} is shown`}
          onClick={() => rows.toggle(row.id)}
        >
          {letter(at)}
          {row.hidden ? <EyeOff size={14} aria-hidden /> : <Eye size={14} aria-hidden />}
        </UnstyledButton>
      </Tooltip>
      <QueryEditor
        ref={ref}
        label={name}
        value={row.text}
        wrong={mistake !== undefined}
        onChange={(text) => rows.type(row.id, text)}
        onRun={() => run()}
        span={() => plan}
        takesFocus={takesFocus}
      />
      <Group gap={4} wrap="nowrap">
        <Tooltip label="Run (Enter)">
          <ActionIcon
            variant={changed ? 'filled' : 'default'}
            size={34}
            loading={outcome.fetching && outcome.took === undefined}
            disabled={!row.text.trim()}
            onClick={() => run()}
            aria-label={`Run ${name}`}
          >
            <Play size={15} />
          </ActionIcon>
        </Tooltip>
        <RowMenu name={name} row={row} at={at} rows={rows} plan={plan} />
      </Group>
      <div className={classes.notes}>
        {mistake !== undefined && (
          <div className={classes.wrong} role="alert">
            <CircleAlert size={13} aria-hidden />
            <span>{mistake}</span>
          </div>
        )}
        {row.hidden && row.query && 'Hidden: not asked.'}
        {outcome.truncated && <TooMany row={row} plan={plan} table={table} run={run} />}
        {outcome.series !== undefined && !(outcome.truncated && !table) && (
          <div>{summary(outcome, table ? undefined : plan)}</div>
        )}
        {outcome.warnings?.map((w) => (
          <div key={w} className={classes.note}>
            <Info size={13} aria-label="Note" role="img" />
            {w}
          </div>
        ))}
      </div>
    </section>
  );
}

function summary({ series = 0, took }: Outcome, plan?: Plan): string {
  const parts = [series === 0 ? 'Nothing found in this time' : `${series} series`];
  if (plan) parts.push(perPoint(plan.step) + (plan.coarser ? ', the finest that so long a time allows' : ''));
  if (took !== undefined) parts.push(format(took / 1000, 'seconds'));
  return parts.join(' · ');
}

function wordsOf(query: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const place = /\b(\d+):(\d+): /.exec(message);
  const text = mistakeIn(query, message).message;
  if (!place) return `${text}. ${advice(error)}`;
  const line = query.includes('\n') ? `line ${place[1]}, ` : '';
  return `${text} (${line}column ${place[2]})`;
}

function TooMany({ row, plan, table, run }: Pick<Props, 'row' | 'plan' | 'table'> & { run: (text: string) => void }) {
  const words = table
    ? `More than ${mostRows.toLocaleString('en')} series: only these are listed, and none is drawn.`
    : `Not drawn: more than ${plan.limit.toLocaleString('en')} series of ${plan.points.toLocaleString('en')} points, which is too much for a browser. Ask for fewer series or a coarser resolution.`;
  const inner = row.query.trim();
  return (
    <div className={classes.wrong} role="alert">
      <CircleAlert size={13} aria-hidden />
      <span>
        {words}
        <Button size="compact-xs" variant="default" onClick={() => run(`topk(20, ${inner})`)}>
          The 20 biggest
        </Button>
        <Button size="compact-xs" variant="default" onClick={() => run(`count(${inner})`)}>
          Count them
        </Button>
      </span>
    </div>
  );
}

function RowMenu({ name, row, at, rows, plan }: { name: string; row: Row; at: number; rows: Rows; plan: Plan }) {
  const clipboard = useClipboard();
  const asked = { query: row.query || row.text, from: plan.from, to: plan.to, step: plan.step };
  const curl = () => {
    clipboard.copy(curlOf(window.location.origin, asked));
    notifications.show({ message: 'Copied. Put an API token into PICKET_TOKEN before you run it.' });
  };
  return (
    <Menu position="bottom-end" shadow="md" width={210}>
      <Menu.Target>
        <ActionIcon variant="default" size={34} aria-label={`More about ${name}`}>
          <EllipsisVertical size={15} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Copy size={15} aria-hidden />} onClick={() => rows.duplicate(row.id)}>
          Duplicate
        </Menu.Item>
        <Menu.Item
          leftSection={<ArrowUp size={15} aria-hidden />}
          disabled={at === 0}
          onClick={() => rows.move(row.id, -1)}
        >
          Move up
        </Menu.Item>
        <Menu.Item
          leftSection={<ArrowDown size={15} aria-hidden />}
          disabled={at === rows.rows.length - 1}
          onClick={() => rows.move(row.id, 1)}
        >
          Move down
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<Terminal size={15} aria-hidden />} disabled={!asked.query} onClick={curl}>
          Copy as curl
        </Menu.Item>
        <Menu.Item
          leftSection={<Braces size={15} aria-hidden />}
          disabled={!asked.query}
          component="a"
          href={rawPath(asked)}
          target="_blank"
          rel="noopener"
        >
          Raw JSON
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<Trash2 size={15} aria-hidden />} onClick={() => rows.remove(row.id)}>
          Remove
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
