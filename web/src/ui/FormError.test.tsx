import { MantineProvider } from '@mantine/core';
import { cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import { ApiError } from '../api/client';
import { FormError, fieldError } from './FormError';

afterEach(cleanup);

const refused = new ApiError(400, 'invalid', 'addresses[1]: is not host:port; addresses: too many', [
  { field: 'addresses[1]', message: 'is not host:port' },
  { field: 'addresses', message: 'too many' },
]);

test('a field shows all that is wrong with it and its parts', () => {
  expect(fieldError(refused, 'addresses')).toBe('Is not host:port; too many');
  expect(fieldError(refused, 'address')).toBeUndefined();
  expect(fieldError(new Error('x'), 'addresses')).toBeUndefined();
  expect(fieldError(null, 'addresses')).toBeUndefined();
});

function alerts(error: unknown, fields: string[]) {
  cleanup();
  render(
    <MantineProvider>
      <FormError error={error} fields={fields} />
    </MantineProvider>,
  );
  return screen.queryAllByRole('alert').map((a) => a.textContent);
}

test('the form shows what its fields do not', () => {
  expect(alerts(undefined, [])).toEqual([]);
  expect(alerts(refused, ['addresses'])).toEqual([]);
  expect(alerts(refused, ['uses'])[0]).toContain('Addresses[1]: is not host:port');
  expect(alerts(new ApiError(409, 'conflict', 'this is the last admin'), ['roles'])[0]).toContain(
    'This is the last admin',
  );
});
