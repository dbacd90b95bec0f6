import { Group } from '@mantine/core';
import { Fragment, useMemo } from 'react';
import { useUrlState } from '../lib/url';
import { ChevronDown, ChevronRight } from '../ui/icons';
import plain from '../ui/plain.module.css';
import { useFormatTime } from '../ui/prefs';
import classes from './Items.module.css';
import { type ClassAttribute, type ItemDetail, type ItemWord, useClass } from './item';
import { Value } from './value';

/** What is known of an item, who says so, and what others say. */
export function ItemAttributes({ item, past }: { item: ItemDetail; past: boolean }) {
  const known = useClass(item.class);
  const [open, setOpen] = useUrlState('words');
  const attributes = useMemo(() => new Map(known.data?.attributes.map((a) => [a.name, a])), [known.data]);
  const names = useMemo(
    () =>
      Object.keys(item.attributes).sort(
        (a, b) => rank(a) - rank(b) || label(attributes, a).localeCompare(label(attributes, b)),
      ),
    [item.attributes, attributes],
  );
  return (
    <div className={classes.scroll}>
      <table className={`${classes.attributes} ${classes.said}`} aria-label="Attributes">
        <thead>
          <tr>
            <th>Attribute</th>
            <th>Value</th>
            {!past && (
              <>
                <th>Says</th>
                <th>Last said</th>
              </>
            )}
          </tr>
        </thead>
        <tbody>
          {names.map((name) => (
            <Row
              key={name}
              name={name}
              value={item.attributes[name] ?? ''}
              words={past ? undefined : (item.words?.[name] ?? [])}
              attribute={attributes.get(name)}
              open={open === name}
              toggle={() => setOpen(open === name ? '' : name)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const first = [
  'name',
  'short_description',
  'host_name',
  'fqdn',
  'ip_address',
  'mac_address',
  'serial_number',
  'manufacturer',
  'model_id',
  'os',
  'os_version',
];
const rank = (name: string) => (first.includes(name) ? first.indexOf(name) : first.length);
const label = (attributes: Map<string, ClassAttribute>, name: string) => attributes.get(name)?.label ?? name;

type RowProps = {
  name: string;
  value: string;
  words?: ItemWord[];
  attribute?: ClassAttribute;
  open: boolean;
  toggle: () => void;
};

function Row({ name, value, words, attribute, open, toggle }: RowProps) {
  const write = useFormatTime();
  const counting = words?.find((w) => w.counts);
  const others = words?.filter((w) => w !== counting) ?? [];
  const differ = others.filter((w) => w.value !== value).length;
  return (
    <Fragment>
      <tr>
        <th scope="row" title={name}>
          {attribute?.label ?? name}
        </th>
        <td className={classes.value}>
          <Value value={value} attribute={attribute} />
        </td>
        {words && (
          <>
            <td>
              <Group gap={8} wrap="nowrap">
                <span>{counting?.source ?? (attribute?.default === value ? 'default' : '')}</span>
                {others.length > 0 && (
                  <button
                    type="button"
                    className={`${plain.bare} ${plain.row} ${plain.small} ${classes.toggle}`}
                    aria-expanded={open}
                    onClick={toggle}
                    title={others.map((w) => `${w.source}: ${w.value || 'none'}`).join('\n')}
                  >
                    {open ? <ChevronDown size={13} /> : <ChevronRight size={13} />}
                    {differ > 0
                      ? `${differ} differ${differ === 1 ? 's' : ''}`
                      : `${others.length} agree${others.length === 1 ? 's' : ''}`}
                  </button>
                )}
              </Group>
            </td>
            <td>{counting && write(counting.time, 'minute')}</td>
          </>
        )}
      </tr>
      {open &&
        others.map((w) => (
          <tr key={`${w.source}\n${w.native_key}`} className={classes.words}>
            <th scope="row">
              <span className={plain.small}>{w.native_key ? `as ${w.native_key}` : ''}</span>
            </th>
            <td className={classes.value}>
              <Value value={w.value} attribute={attribute} />
            </td>
            <td>{w.source}</td>
            <td>{write(w.time, 'minute')}</td>
          </tr>
        ))}
    </Fragment>
  );
}
