import { afterEach, expect, test, vi } from 'vitest';
import { ApiError, call, get, getAll, post, queryString, remove } from './client';

afterEach(() => vi.unstubAllGlobals());

/** Answers requests in turn and keeps what was asked. */
function answering(...answers: (Response | Error)[]) {
  const asked: { url: string; init: RequestInit }[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    asked.push({ url, init });
    const next = answers.shift() ?? new Error('nobody expected this request');
    if (next instanceof Error) throw next;
    return next;
  });
  return asked;
}

const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });

async function failed(promise: Promise<unknown>): Promise<ApiError> {
  const err = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(err instanceof ApiError)) throw new Error(`not an ApiError: ${err}`);
  return err;
}

test('absent parameters are left out, lists repeat their key, text is escaped', () => {
  expect(queryString({ a: 1, b: undefined, c: '', d: ['x', 'y'], e: false, f: 'a&b =c' })).toBe(
    '?a=1&d=x&d=y&e=false&f=a%26b+%3Dc',
  );
  expect(queryString({})).toBe('');
});

test('a body goes as JSON, a form as a form, and the answer comes back decoded', async () => {
  const asked = answering(
    json(201, { id: 'x' }),
    json(200, { status: 'success' }),
    new Response(null, { status: 204 }),
  );
  expect(await post('/api/v1/users', { name: 'a' })).toEqual({ id: 'x' });
  await call('/prometheus/api/v1/query', { method: 'POST', form: { query: 'up', time: undefined } });
  expect(await remove('/api/v1/users/x')).toBeUndefined();
  expect(asked[0]?.init.body).toBe('{"name":"a"}');
  expect(new Headers(asked[0]?.init.headers).get('Content-Type')).toBe('application/json');
  expect(String(asked[1]?.init.body)).toBe('query=up');
  expect(asked[2]?.init.method).toBe('DELETE');
  expect(asked.every((a) => a.init.credentials === 'same-origin')).toBe(true);
});

test('a refusal carries its kind, its words and its fields', async () => {
  const fields = [{ field: 'addresses[1]', message: 'is not host:port' }];
  answering(json(400, { error: { kind: 'invalid', message: 'wrong', fields } }));
  const err = await failed(post('/x'));
  expect([err.status, err.kind, err.message, err.fields]).toEqual([400, 'invalid', 'wrong', fields]);
});

test('Prometheus’ form of errors is read too', async () => {
  answering(json(422, { status: 'error', errorType: 'execution', error: 'too many samples' }));
  const err = await failed(get('/x'));
  expect([err.kind, err.message, err.fields]).toEqual(['execution', 'too many samples', []]);
});

test('what is no JSON is an error in words, and so is a collector that is away', async () => {
  answering(
    new Response('<html>Bad gateway</html>', { status: 502 }),
    new TypeError('Failed to fetch'),
    json(500, null),
  );
  expect((await failed(get('/x'))).message).toContain('502');
  const away = await failed(get('/x'));
  expect([away.status, away.kind]).toEqual([0, 'unreachable']);
  expect((await failed(get('/x'))).message).toContain('500');
});

test('a request that its page gave up stays what it is', async () => {
  const gone = new DOMException('gone', 'AbortError');
  answering(gone as unknown as Error);
  const leaving = new AbortController();
  leaving.abort();
  await expect(get('/x', {}, leaving.signal)).rejects.toBe(gone);
});

test('a list is read page by page, up to a bound', async () => {
  const asked = answering(
    json(200, { items: [1, 2], next: 'c1' }),
    json(200, { items: [3], next: 'c2' }),
    json(200, { items: [4], next: 'c3' }),
    json(200, { items: [5] }),
  );
  expect(await getAll<number>('/list', { state: 'up' }, undefined, 3)).toEqual([1, 2, 3]);
  expect(asked.map((a) => a.url)).toEqual(['/list?limit=1000&state=up', '/list?limit=1000&state=up&after=c1']);
  expect(await getAll<number>('/list')).toEqual([4, 5]);
});
