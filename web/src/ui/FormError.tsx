import { ApiError } from '../api/client';
import { ErrorBox, sentence } from './State';

/** Whether a problem the server names, e.g. "addresses[1]", is about the form's field. */
const about = (problem: string, field: string) =>
  problem === field || problem.startsWith(`${field}[`) || problem.startsWith(`${field}.`);

/** What the server found wrong with one field of a form, for the field to show. */
export function fieldError(error: unknown, field: string): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const found = error.fields.filter((f) => about(f.field, field)).map((f) => f.message);
  return found.length > 0 ? sentence(found.join('; ')) : undefined;
}

/** The error of a form, unless the form's fields show all of it. */
export function FormError({ error, fields = [], title }: { error: unknown; fields?: string[]; title?: string }) {
  if (!error) return null;
  if (error instanceof ApiError && error.fields.length > 0) {
    if (error.fields.every((p) => fields.some((f) => about(p.field, f)))) return null;
  }
  return <ErrorBox title={title} error={error} />;
}
