/** What the collector said when it refused: `kind` is the API's word for it, `fields` what is wrong with which field. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
    readonly fields: { field: string; message: string }[] = [],
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** Values of a query string; undefined and '' are left out, arrays repeat the key. */
export type Params = Record<string, string | number | boolean | readonly string[] | undefined>;

export function queryString(params: Params = {}): string {
  const out = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (Array.isArray(value)) for (const v of value) out.append(key, v);
    else if (value !== undefined && value !== '') out.append(key, String(value));
  }
  const text = out.toString();
  return text ? `?${text}` : '';
}

type Options = { method?: string; params?: Params; body?: unknown; form?: Params; signal?: AbortSignal };

/** Sends one request to the collector and decodes its JSON. The only fetch in the app. Throws ApiError. */
export async function call<T>(path: string, { method = 'GET', params, body, form, signal }: Options = {}): Promise<T> {
  const init: RequestInit = { method, credentials: 'same-origin', headers: { Accept: 'application/json' }, signal };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, 'Content-Type': 'application/json' };
  } else if (form) {
    init.body = new URLSearchParams(queryString(form).slice(1));
  }
  let answer: Response;
  try {
    answer = await fetch(path + queryString(params), init);
  } catch (err) {
    if (signal?.aborted) throw err;
    throw new ApiError(0, 'unreachable', 'The collector does not answer. Is it running, and is the network up?');
  }
  if (answer.status === 204) return undefined as T;
  const text = await answer.text();
  let json: unknown;
  try {
    json = text ? JSON.parse(text) : undefined;
  } catch {
    throw new ApiError(
      answer.status,
      'internal',
      `The collector answered ${answer.status} with something that is not JSON.`,
    );
  }
  if (!answer.ok) throw failure(answer.status, json);
  return json as T;
}

/** Reads both forms of errors: our API's {error: {kind, message, fields}} and Prometheus' {errorType, error}. */
function failure(status: number, json: unknown): ApiError {
  const body = (json ?? {}) as { error?: unknown; errorType?: string };
  if (typeof body.error === 'string') return new ApiError(status, body.errorType ?? 'internal', body.error);
  const e = (body.error ?? {}) as { kind?: string; message?: string; fields?: { field: string; message: string }[] };
  return new ApiError(status, e.kind ?? 'internal', e.message ?? `The collector answered ${status}.`, e.fields ?? []);
}

export const get = <T>(path: string, params?: Params, signal?: AbortSignal) => call<T>(path, { params, signal });
export const post = <T>(path: string, body: unknown = {}) => call<T>(path, { method: 'POST', body });
export const put = <T>(path: string, body: unknown = {}) => call<T>(path, { method: 'PUT', body });
export const patch = <T>(path: string, body: unknown = {}) => call<T>(path, { method: 'PATCH', body });
export const remove = <T>(path: string) => call<T>(path, { method: 'DELETE' });

type List<T> = { items: T[]; next?: string };

/** Reads all pages of a list, at most `most` items. */
export async function getAll<T>(path: string, params: Params = {}, signal?: AbortSignal, most = 20_000): Promise<T[]> {
  const out: T[] = [];
  let after: string | undefined;
  do {
    const page: List<T> = await get(path, { limit: 1000, ...params, after }, signal);
    out.push(...page.items);
    after = page.next;
  } while (after && out.length < most);
  return out;
}
