import { Link } from 'wouter';
import { useHref } from '../lib/url';
import plain from '../ui/plain.module.css';
import { useFormatTime } from '../ui/prefs';
import { type ClassAttribute, itemPath } from './item';

/** The value of an attribute as people read it: the words of a choice, a time in their zone, a link to another item. */
export function Value({ value, attribute, name }: { value: string; attribute?: ClassAttribute; name?: string }) {
  const write = useFormatTime();
  const link = useHref();
  if (value === '') return <span className={plain.dim}>none</span>;
  if (name || attribute?.type === 'reference' || /^(host|duplicate_of|merged_into)$/.test(attribute?.name ?? '')) {
    return (
      <Link href={link(itemPath(value))} className={plain.link}>
        {name || value}
      </Link>
    );
  }
  if (attribute?.type === 'datetime' && !Number.isNaN(Date.parse(value))) return write(value);
  if (attribute?.type === 'boolean') return value === 'true' ? 'yes' : 'no';
  return attribute?.choices?.[value] ?? value;
}
