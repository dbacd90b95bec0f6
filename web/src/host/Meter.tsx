import { OctagonAlert, TriangleAlert } from '../ui/icons';
import classes from './Meter.module.css';
import type { Severity } from './severity';

/** A severity as an icon of its own shape; none when all is well. */
export function SeverityIcon({ severity, size = 14 }: { severity: Severity; size?: number }) {
  if (severity === 'critical')
    return (
      <OctagonAlert
        size={size}
        color="light-dark(#c02a2a, #ff8787)"
        role="img"
        aria-label="critical"
        className={classes.icon}
      />
    );
  if (severity === 'warning')
    return (
      <TriangleAlert
        size={size}
        color="light-dark(#b35c00, #f0a445)"
        role="img"
        aria-label="warning"
        className={classes.icon}
      />
    );
  return null;
}

/** A ratio in whole percent: what a table needs of it. */
export const percent = (value: number) => `${Math.round(value * 100)} %`;

type Props = { value: number | undefined; severity?: Severity; title?: string; track?: boolean };

/** A ratio as a small bar and a number; a severity shows as an icon and by weight. */
export function Meter({ value, severity = 'ok', title, track = true }: Props) {
  if (value === undefined) return <span className={classes.number}>–</span>;
  return (
    <span className={classes.meter} data-severity={severity} title={title}>
      <SeverityIcon severity={severity} />
      {track && (
        <span className={classes.track} aria-hidden>
          <span
            className={classes.fill}
            style={{ display: 'block', width: `${Math.max(0, Math.min(1, value)) * 100}%` }}
          />
        </span>
      )}
      <span className={classes.number}>{percent(value)}</span>
    </span>
  );
}
