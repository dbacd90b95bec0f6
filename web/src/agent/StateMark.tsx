import { Ban, CircleAlert, CircleCheck, CircleDashed, CircleX, type Icon } from '../ui/icons';
import type { AgentState } from './agent';
import classes from './StateMark.module.css';

type Look = { icon: Icon; color: string; word: string; means: string };

/** Every state in the order in which people want to read them, with its word and icon. */
export const states: Record<AgentState, Look> = {
  up: {
    icon: CircleCheck,
    color: 'light-dark(#0b6b62, #4fb0a5)',
    word: 'up',
    means: 'heard of lately',
  },
  warn: {
    icon: CircleAlert,
    color: 'light-dark(#b35c00, #f0a445)',
    word: 'silent',
    means: 'not heard of for a while',
  },
  down: { icon: CircleX, color: 'light-dark(#c02a2a, #ff8787)', word: 'down', means: 'not heard of for long' },
  never: {
    icon: CircleDashed,
    color: 'var(--mantine-color-dimmed)',
    word: 'never seen',
    means: 'enrolled, and never heard of',
  },
  revoked: { icon: Ban, color: 'var(--mantine-color-dimmed)', word: 'revoked', means: 'shut out for good' },
};

export const stateNames = Object.keys(states) as AgentState[];

/** An agent's state as icon and word. */
export function StateMark({ state }: { state: AgentState }) {
  const { icon: Icon, color, word, means } = states[state];
  return (
    <span className={classes.mark} title={means}>
      <Icon size={15} color={color} aria-hidden />
      {word}
    </span>
  );
}
