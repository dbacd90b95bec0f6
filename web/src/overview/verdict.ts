import type { Severity } from '../host/severity';
import type { Status } from '../status/status';
import { shown } from './trouble';

/** How many agents are not shut out. */
export const enrolled = (s: Pick<Status, 'agents'>) =>
  Object.entries(s.agents).reduce((sum, [state, n]) => sum + (state === 'revoked' ? 0 : n), 0);

const every = (n: number) => (n === 1 ? 'The one host' : `All ${n} hosts`);
const are = (n: number) => (n === 1 ? 'is' : 'are');
const hosts = (n: number) => `${n} ${n === 1 ? 'host' : 'hosts'}`;

/** Says in one sentence what is wrong, or that nothing is. `failing` is on how many hosts checks are not ok, at most `shown`; `gaps` how many things could be collected and are not. */
export function verdict(
  s: Pick<Status, 'agents'>,
  failing: number,
  gaps: number,
): { severity: Severity; words: string } {
  const all = enrolled(s);
  const { down = 0, warn = 0, never = 0 } = s.agents;
  const wrong = [
    down > 0 && `${down} down`,
    warn > 0 && `${warn} silent`,
    failing > 0 && `checks not ok on ${failing}${failing >= shown ? ' or more' : ''}`,
  ].filter(Boolean);
  if (wrong.length > 0)
    return { severity: down > 0 ? 'critical' : 'warning', words: `Of ${hosts(all)}: ${wrong.join(', ')}` };
  if (never === all) return { severity: 'ok', words: `${hosts(all)} enrolled; none has reported yet` };
  const well =
    never > 0
      ? `${every(all - never)} that ever reported ${are(all - never)} up`
      : `${every(all)} ${are(all)} up, and all checks ok`;
  const missing =
    gaps > 0 ? `; ${gaps} ${gaps === 1 ? 'thing' : 'things'} could be collected and ${are(gaps)} not` : '';
  return { severity: 'ok', words: well + missing };
}
