/** How bad a number or a host is. */
export type Severity = 'ok' | 'warning' | 'critical';

/** From where on a number is worth a warning, and where critical. A busy CPU alone breaks nothing. */
const limits = {
  cpu: [0.9, Number.POSITIVE_INFINITY],
  memory: [0.8, 0.9],
  disk: [0.8, 0.9],
  load: [2, Number.POSITIVE_INFINITY],
} as const;

export type Limited = keyof typeof limits;

export function severityOf(kind: Limited, value: number | undefined): Severity {
  if (value === undefined || Number.isNaN(value)) return 'ok';
  const [warning, critical] = limits[kind];
  return value >= critical ? 'critical' : value >= warning ? 'warning' : 'ok';
}

/** The status of a check's result as a severity; one that nobody knows is worth a look. */
export function severityOfResult(status: string | undefined): Severity {
  if (status === 'critical' || status === 'major') return 'critical';
  return status === undefined || status === 'ok' ? 'ok' : 'warning';
}

const order: Severity[] = ['ok', 'warning', 'critical'];

export const worse = (a: Severity, b: Severity): Severity => (order.indexOf(a) >= order.indexOf(b) ? a : b);
