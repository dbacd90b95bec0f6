import { describe, expect, test } from 'vitest';
import { notOk, shown } from './trouble';
import { enrolled, verdict } from './verdict';

const of = (agents: Record<string, number>) => ({ agents });

describe('verdict', () => {
  test('says that all is well', () => {
    expect(verdict(of({ up: 12 }), 0, 0)).toEqual({ severity: 'ok', words: 'All 12 hosts are up, and all checks ok' });
    expect(verdict(of({ up: 1 }), 0, 1).words).toBe(
      'The one host is up, and all checks ok; 1 thing could be collected and is not',
    );
  });

  test('counts nobody who was shut out, and nobody who never came as lost', () => {
    expect(enrolled(of({ up: 2, revoked: 5 }))).toBe(2);
    expect(verdict(of({ up: 2, never: 1, revoked: 5 }), 0, 0).words).toBe('All 2 hosts that ever reported are up');
    expect(verdict(of({ never: 3 }), 0, 0).words).toBe('3 hosts enrolled; none has reported yet');
  });

  test('says what is wrong, the worst first', () => {
    expect(verdict(of({ up: 7, warn: 2, down: 1 }), 3, 4)).toEqual({
      severity: 'critical',
      words: 'Of 10 hosts: 1 down, 2 silent, checks not ok on 3',
    });
    expect(verdict(of({ up: 1000 }), shown, 0)).toEqual({
      severity: 'warning',
      words: `Of 1000 hosts: checks not ok on ${shown} or more`,
    });
  });
});

test('what is not ok comes with the worst first', () => {
  const result = (check: string, status: 'ok' | 'warning' | 'critical' | 'unknown') => ({
    id: check,
    check,
    status,
    output: '',
    time: '',
    received_at: '',
    duration_us: 0,
  });
  const all = [result('a', 'ok'), result('b', 'warning'), result('c', 'unknown'), result('d', 'critical')];
  expect(notOk(all).map((r) => r.check)).toEqual(['d', 'c', 'b']);
});
