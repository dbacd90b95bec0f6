import type { Schema } from '../api/types';
import { CircleCheck, CircleHelp, type Icon, OctagonAlert, TriangleAlert } from '../ui/icons';
import plain from '../ui/plain.module.css';

export type ResultStatus = Schema<'Result'>['status'];

/** The statuses of results, the worst first. */
export const statuses = ['critical', 'major', 'unknown', 'warning', 'minor', 'ok'] as const;

const looks: Record<ResultStatus, { icon: Icon; color: string }> = {
  critical: { icon: OctagonAlert, color: 'light-dark(#c02a2a, #ff8787)' },
  major: { icon: OctagonAlert, color: 'light-dark(#c02a2a, #ff8787)' },
  unknown: { icon: CircleHelp, color: 'light-dark(#b35c00, #f0a445)' },
  warning: { icon: TriangleAlert, color: 'light-dark(#b35c00, #f0a445)' },
  minor: { icon: TriangleAlert, color: 'light-dark(#b35c00, #f0a445)' },
  ok: { icon: CircleCheck, color: 'light-dark(#0b6b62, #4fb0a5)' },
};

/** A result's status as icon and word. */
export function StatusMark({ status }: { status: ResultStatus }) {
  const { icon: Icon, color } = looks[status] ?? looks.unknown;
  return (
    <span className={plain.row}>
      <Icon size={15} color={color} aria-hidden />
      {status}
    </span>
  );
}
