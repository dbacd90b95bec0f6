import type { QueryKey } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Change, Live } from './live';

/** A connection that the test opens, cuts and speaks through. */
class Source {
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  private told: [name: string, f: (e: MessageEvent<string>) => void][] = [];

  constructor(readonly url: string) {}

  addEventListener(name: string, f: (e: MessageEvent<string>) => void) {
    this.told.push([name, f]);
  }
  close() {
    this.readyState = 2;
  }
  opens() {
    this.readyState = 1;
    this.onopen?.();
  }
  /** A cut, after which the browser tries again; or a refusal, after which it does not. */
  fails(refused: boolean) {
    this.readyState = refused ? 2 : 0;
    this.onerror?.();
  }
  says(c: Partial<Change> & Pick<Change, 'topic'>) {
    this.event('change', { keys: [], all: false, ...c });
  }
  ends(reason: string) {
    this.event('end', { reason });
  }
  private event(name: string, data: unknown) {
    for (const [n, f] of this.told) if (n === name) f({ data: JSON.stringify(data) } as MessageEvent<string>);
  }
  get asks() {
    const params = new URL(this.url, 'http://x').searchParams;
    return { topics: params.getAll('topic'), instances: params.getAll('instance') };
  }
}

function bed() {
  const sources: Source[] = [];
  const stale: string[] = [];
  const live = new Live(
    (key: QueryKey) => stale.push(key.join('/')),
    (url) => {
      const source = new Source(url);
      sources.push(source);
      return source as unknown as EventSource;
    },
  );
  const last = () => {
    const source = sources.at(-1);
    if (!source) throw new Error('no connection was made');
    return source;
  };
  /** What became stale since it was asked last. */
  const taken = () => stale.splice(0);
  return { live, sources, last, taken };
}

/** A connection that is open, after what the start made stale. */
async function connected() {
  const b = bed();
  b.live.run(true);
  b.last().opens();
  await vi.advanceTimersByTimeAsync(20_000);
  b.taken();
  return b;
}

const agentKeys = ['agents', 'status', 'gaps', 'enroll-tokens'];

beforeEach(() => {
  vi.useFakeTimers({ now: 1_795_406_400_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the connection', () => {
  test('is made when somebody looks, and closed when nobody does or it is paused', () => {
    const { live, sources, last } = bed();
    expect(sources).toHaveLength(0);
    live.run(true);
    live.run(true);
    expect(sources).toHaveLength(1);
    expect(live.snapshot().connected).toBe(false);
    last().opens();
    expect(live.snapshot().connected).toBe(true);
    live.run(false);
    expect(last().readyState).toBe(2);
    expect(live.snapshot().connected).toBe(false);
  });

  test('stands still while it is stopped', async () => {
    const { live, last, taken } = await connected();
    last().says({ topic: 'agent' });
    live.run(false);
    const { now } = live.snapshot();
    await vi.advanceTimersByTimeAsync(60_000);
    live.beat();
    expect(taken()).toEqual([]);
    expect(live.snapshot().now).toBe(now);
  });

  test('reads everything anew when somebody looks again', async () => {
    const { live, taken, sources } = await connected();
    live.run(false);
    await vi.advanceTimersByTimeAsync(60_000);
    live.run(true);
    expect(live.snapshot().now).toBe(Date.now());
    await vi.advanceTimersByTimeAsync(1);
    expect(taken()).toEqual(expect.arrayContaining([...agentKeys, 'prom/instant']));
    expect(sources).toHaveLength(2);
  });

  test('leaves a cut to the browser, and reads what was missed once it is back', async () => {
    const { live, last, taken, sources } = await connected();
    last().fails(false);
    expect(live.snapshot().connected).toBe(false);
    await vi.advanceTimersByTimeAsync(8000);
    expect(sources).toHaveLength(1);
    last().opens();
    await vi.advanceTimersByTimeAsync(1);
    expect(live.snapshot().connected).toBe(true);
    expect(taken()).toEqual(expect.arrayContaining(agentKeys));
  });

  test('tries again by itself after a refusal, which the browser takes for the end', async () => {
    const { last, sources } = await connected();
    last().fails(true);
    await vi.advanceTimersByTimeAsync(9000);
    expect(sources).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1500);
    expect(sources).toHaveLength(2);
  });

  test('that ends because the session did asks who is there', async () => {
    const { last, taken } = await connected();
    last().ends('stopping');
    expect(taken()).toEqual([]);
    last().ends('signed_out');
    expect(taken()).toEqual(['me']);
  });

  test('tells its listeners, until they leave', async () => {
    const { live, last } = await connected();
    const heard = vi.fn();
    const leave = live.subscribe(heard);
    last().fails(false);
    expect(heard).toHaveBeenCalledOnce();
    leave();
    last().opens();
    expect(heard).toHaveBeenCalledOnce();
  });
});

describe('changes', () => {
  test('make stale what depends on them, and nothing else', async () => {
    const { last, taken } = await connected();
    last().says({ topic: 'result', keys: ['a1'] });
    await vi.advanceTimersByTimeAsync(1);
    expect(taken()).toEqual(['agents']);
  });

  test('that come in swarms are read at most once in their time, the last of them included', async () => {
    const { last, taken } = await connected();
    for (let i = 0; i < 100; i++) {
      last().says({ topic: 'agent', keys: [`a${i}`] });
      await vi.advanceTimersByTimeAsync(100);
    }
    const during = taken().filter((k) => k === 'agents');
    expect(during.length).toBeGreaterThanOrEqual(3);
    expect(during.length).toBeLessThanOrEqual(4);
    await vi.advanceTimersByTimeAsync(3000);
    expect(taken()).toEqual(agentKeys);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(taken()).toEqual([]);
  });

  test('of a topic nobody knows yet do no harm', async () => {
    const { last, taken } = await connected();
    last().says({ topic: 'alert' as Change['topic'] });
    await vi.advanceTimersByTimeAsync(1);
    expect(taken()).toEqual([]);
  });

  test('of samples move the clock, but not more often than every two seconds', async () => {
    const { live, last } = await connected();
    live.beat();
    const start = live.snapshot().now;
    await vi.advanceTimersByTimeAsync(1000);
    last().says({ topic: 'sample' });
    expect(live.snapshot().now).toBe(start);
    await vi.advanceTimersByTimeAsync(1500);
    last().says({ topic: 'sample' });
    expect(live.snapshot().now).toBe(start + 2500);
  });
});

describe('the clock', () => {
  test('moves every ten seconds without samples; what is connected needs no reading', async () => {
    const { live, taken } = await connected();
    live.beat();
    const start = live.snapshot().now;
    for (let s = 0; s < 9; s++) {
      await vi.advanceTimersByTimeAsync(1000);
      live.beat();
    }
    expect(live.snapshot().now).toBe(start);
    await vi.advanceTimersByTimeAsync(1000);
    live.beat();
    expect(live.snapshot().now).toBe(start + 10_000);
    expect(taken()).toEqual([]);
  });

  test('takes the readings along while there is no connection', async () => {
    const { live, last, taken } = await connected();
    last().fails(false);
    await vi.advanceTimersByTimeAsync(20_000);
    live.beat();
    await vi.advanceTimersByTimeAsync(1);
    expect(taken()).toEqual(expect.arrayContaining([...agentKeys, 'prom/instant']));
  });
});

describe('watching', () => {
  test('asks for the samples of the instances that are on the page, once each', async () => {
    const { live, last, sources } = await connected();
    expect(last().asks).toEqual({ topics: ['agent', 'result'], instances: [] });
    live.watch('web-1');
    live.watch('web-1');
    const leave = live.watch('web 2&x');
    await vi.advanceTimersByTimeAsync(500);
    expect(sources).toHaveLength(2);
    expect(last().asks).toEqual({ topics: ['agent', 'result', 'sample'], instances: ['web-1', 'web 2&x'] });
    leave();
    await vi.advanceTimersByTimeAsync(500);
    expect(last().asks.instances).toEqual(['web-1']);
  });

  test('any instance makes the others needless, and the last to leave ends it', async () => {
    const { live, last, sources } = await connected();
    const leave = [live.watch(''), live.watch('web-1')];
    await vi.advanceTimersByTimeAsync(500);
    expect(last().asks).toEqual({ topics: ['agent', 'result', 'sample'], instances: [] });
    for (const l of leave) l();
    await vi.advanceTimersByTimeAsync(500);
    expect(last().asks.topics).toEqual(['agent', 'result']);
    expect(sources.filter((s) => s.readyState !== 2)).toHaveLength(1);
  });

  test('a new connection reads what was said between the old one and itself', async () => {
    const { live, last, taken } = await connected();
    live.watch('web-1');
    await vi.advanceTimersByTimeAsync(500);
    expect(taken()).toEqual([]);
    last().opens();
    await vi.advanceTimersByTimeAsync(1);
    expect(taken()).toEqual(expect.arrayContaining(agentKeys));
  });

  test('connects nobody who does not look', async () => {
    const { live, sources } = bed();
    live.watch('web-1');
    await vi.advanceTimersByTimeAsync(500);
    expect(sources).toHaveLength(0);
  });
});
