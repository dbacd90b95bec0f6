import { Button, Group, Select, TextInput } from '@mantine/core';
import { instant, parseInstant } from '../lib/time';
import { useUrlParams } from '../lib/url';
import { X } from '../ui/icons';
import { useFormatTime, useZone } from '../ui/prefs';
import type { User } from '../user/user';
import classes from './Audit.module.css';
import { actions, filterKeys, targetTypes } from './audit';

const spans = [
  { value: '1h', label: 'Last hour' },
  { value: '1d', label: 'Last 24 hours' },
  { value: '1w', label: 'Last 7 days' },
  { value: '30d', label: 'Last 30 days' },
  { value: 'between', label: 'Between …' },
];

const options = (words: Record<string, string>) => Object.entries(words).map(([value, label]) => ({ value, label }));

/** A value of the URL stays choosable even when it is none of the known ones. */
function withValue(data: { value: string; label: string }[], value: string | null, label = value ?? '') {
  return value && !data.some((d) => d.value === value) ? [...data, { value, label }] : data;
}

/** What the log is narrowed to, all of it in the URL. */
export function AuditFilters({ users }: { users: User[] }) {
  const [params, change] = useUrlParams();
  const get = (key: string) => params.get(key);
  const set = (key: string) => (value: string | null) => change({ [key]: value ?? undefined, entry: undefined }, true);
  const between = params.has('since') || params.has('until');
  const any = filterKeys.some((k) => params.has(k));
  const people = users.map((u) => ({ value: u.id, label: u.name }));
  return (
    <Group gap="xs" align="flex-end">
      <Select
        aria-label="Who"
        placeholder="Anybody"
        className={classes.filter}
        searchable
        clearable
        clearButtonProps={{ 'aria-label': 'Anybody' }}
        data={withValue(people, get('actor'), `…${get('actor')?.slice(-8)}`)}
        value={get('actor')}
        onChange={set('actor')}
      />
      <Select
        aria-label="What was done"
        placeholder="Any action"
        className={classes.filter}
        searchable
        clearable
        clearButtonProps={{ 'aria-label': 'Any action' }}
        data={withValue(options(actions), get('action'))}
        value={get('action')}
        onChange={set('action')}
      />
      <Select
        aria-label="To what"
        placeholder="Any target"
        className={classes.filter}
        clearable
        clearButtonProps={{ 'aria-label': 'Any target' }}
        data={withValue(options(targetTypes), get('type'))}
        value={get('type')}
        onChange={set('type')}
      />
      {get('target') && (
        <Button
          variant="default"
          size="sm"
          rightSection={<X size={14} aria-hidden />}
          onClick={() => set('target')(null)}
          title={`only the target ${get('target')}: click to show all`}
        >
          target {get('target')?.slice(-8)}
        </Button>
      )}
      <Select
        aria-label="When"
        placeholder="Any time"
        className={classes.filter}
        clearable
        clearButtonProps={{ 'aria-label': 'Any time' }}
        data={withValue(spans, get('within'), `Last ${get('within')}`)}
        value={between ? 'between' : get('within')}
        onChange={(v) =>
          change(
            v === 'between'
              ? { within: undefined, since: instant(Date.now() / 1000 - 86_400), until: instant(Date.now() / 1000) }
              : { within: v ?? undefined, since: undefined, until: undefined },
            true,
          )
        }
      />
      {between && (
        <>
          <Instant param="since" label="From" />
          <Instant param="until" label="Until" />
        </>
      )}
      {any && (
        <Button
          variant="subtle"
          size="sm"
          onClick={() => change(Object.fromEntries(filterKeys.map((k) => [k, undefined])), true)}
        >
          Clear
        </Button>
      )}
    </Group>
  );
}

/** A time to the minute, typed or picked in the zone that times are shown in. */
function Instant({ param, label }: { param: string; label: string }) {
  const [params, change] = useUrlParams();
  const [zone] = useZone();
  const write = useFormatTime();
  const at = parseInstant(params.get(param));
  return (
    <TextInput
      type="datetime-local"
      aria-label={label}
      title={`${label}, ${zone === 'UTC' ? 'UTC' : 'in your zone'}`}
      w={225}
      defaultValue={at === undefined ? '' : write(at * 1000, 'minute').replace(' ', 'T')}
      key={zone}
      onChange={(e) => {
        const t = parseInstant(e.currentTarget.value && `${e.currentTarget.value}${zone === 'UTC' ? 'Z' : ''}`);
        if (t !== undefined) change({ [param]: instant(t), entry: undefined });
      }}
    />
  );
}
