import { ActionIcon, Button, Group, Loader, Text, TextInput, UnstyledButton } from '@mantine/core';
import { useQueries, useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { Copy } from '../ui/Copy';
import { ArrowLeft, ChevronDown, ChevronRight } from '../ui/icons';
import { ErrorBox } from '../ui/State';
import classes from './Explore.module.css';
import { Kind } from './Finder';
import { findLabels, findValues, type MetricName } from './promql';
import { explain, type Matcher, selectorOf, suggest } from './suggest';

type Props = {
  metric: MetricName;
  span: { from: number; to: number };
  ask: (query: string, was?: string) => void;
  back: () => void;
};

/** A metric that was chosen: the query made of it, and its labels, whose values narrow the query down by a click. */
export function MetricDetail({ metric, span, ask, back }: Props) {
  const [matchers, setMatchers] = useState<Matcher[]>([]);
  const query = suggest(metric, matchers);
  const button = useRef<HTMLButtonElement>(null);
  const first = useRef({ ask, query });
  useEffect(() => {
    button.current?.focus();
    first.current.ask(first.current.query);
  }, []);
  const toggle = (m: Matcher) => {
    const had = matchers.some((o) => o.label === m.label && o.value === m.value);
    const next = had ? matchers.filter((o) => o.label !== m.label || o.value !== m.value) : [...matchers, m];
    setMatchers(next);
    ask(suggest(metric, next), query);
  };
  return (
    <>
      <Group gap={6} wrap="nowrap" align="flex-start">
        <ActionIcon ref={button} variant="default" onClick={back} aria-label="Back to the list">
          <ArrowLeft size={15} />
        </ActionIcon>
        <Text fw={600} size="sm" style={{ overflowWrap: 'anywhere', flex: 1 }} mt={3}>
          {metric.name}
        </Text>
        <Copy value={metric.name} label="Copy the name" />
      </Group>
      <Group gap={6} mt={6}>
        <Kind metric={metric} />
        <Text size="sm">{metric.help || 'No description.'}</Text>
      </Group>
      <Text size="sm" mt="sm">
        Asked: {explain(metric)}
      </Text>
      <div className={classes.code}>{query}</div>
      <Labels metric={metric} span={span} matchers={matchers} toggle={toggle} />
    </>
  );
}

const mostLabels = 30;

type LabelsProps = Pick<Props, 'metric' | 'span'> & { matchers: Matcher[]; toggle: (m: Matcher) => void };

function Labels({ metric, span, matchers, toggle }: LabelsProps) {
  const selector = selectorOf(metric.name);
  const [asked] = useState(span); // labels seldom change: no need to follow the time
  const labels = useQuery({
    queryKey: ['prom-labels', selector, asked],
    queryFn: ({ signal }) => findLabels(selector, asked, signal),
    staleTime: 60_000,
  });
  const names = (labels.data?.names ?? []).slice(0, mostLabels);
  const values = useQueries({
    queries: names.map((label) => ({
      queryKey: ['prom-values', label, selector, asked],
      queryFn: ({ signal }: { signal: AbortSignal }) => findValues(label, selector, asked, signal),
      staleTime: 60_000,
    })),
  });
  if (labels.error) return <ErrorBox error={labels.error} retry={() => labels.refetch()} />;
  if (labels.isPending) return <Loader size="xs" mt="sm" aria-label="Reading labels" />;
  return (
    <>
      <Text size="sm" fw={600} mt="md" component="h3" mb={2}>
        {names.length === 0 ? 'No series in this time' : 'Narrow it down'}
      </Text>
      {names.map((label, i) => (
        <Label key={label} label={label} found={values[i]?.data} matchers={matchers} toggle={toggle} />
      ))}
      {(labels.data?.names.length ?? 0) > mostLabels && (
        <Text size="xs" c="dimmed">
          The first {mostLabels} labels.
        </Text>
      )}
    </>
  );
}

const mostShown = 100;

type LabelProps = {
  label: string;
  found: { values: string[]; truncated: boolean } | undefined;
  matchers: Matcher[];
  toggle: (m: Matcher) => void;
};

function Label({ label, found, matchers, toggle }: LabelProps) {
  const [open, setOpen] = useState(false);
  const [part, setPart] = useState('');
  const values = found?.values ?? [];
  const chosen = new Set(matchers.filter((m) => m.label === label).map((m) => m.value));
  const fitting = values.filter((v) => v.toLowerCase().includes(part.toLowerCase()));
  const shown = fitting.slice(0, mostShown);
  const Chevron = open ? ChevronDown : ChevronRight;
  return (
    <div>
      <UnstyledButton className={classes.labelHead} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Chevron size={14} aria-hidden />
        <span className={classes.code}>{label}</span>
        {chosen.size > 0 && <Text size="xs">{chosen.size} chosen</Text>}
        <Text size="xs" c="dimmed" ml="auto" truncate maw={200}>
          {found ? countOf(values, found.truncated) : '…'}
        </Text>
      </UnstyledButton>
      {open && (
        <>
          {values.length > 20 && (
            <TextInput
              size="xs"
              aria-label={`Search the values of ${label}`}
              placeholder="Search the values"
              value={part}
              onChange={(e) => setPart(e.currentTarget.value)}
            />
          )}
          <div className={classes.values}>
            {shown.map((v) => (
              <Button
                key={v}
                size="compact-xs"
                variant={chosen.has(v) ? 'filled' : 'default'}
                aria-pressed={chosen.has(v)}
                onClick={() => toggle({ label, value: v })}
                maw="100%"
              >
                {v || '(empty)'}
              </Button>
            ))}
            {fitting.length > shown.length && (
              <Text size="xs" c="dimmed">
                and {fitting.length - shown.length} more: search for them
              </Text>
            )}
          </div>
        </>
      )}
    </div>
  );
}

function countOf(values: string[], truncated: boolean): string {
  if (truncated) return `more than ${values.length.toLocaleString('en')} values`;
  return values.length === 1 ? (values[0] ?? '') : `${values.length} values`;
}
