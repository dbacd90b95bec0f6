import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { createContext, use, useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { type Span, spanOf } from '../lib/time';
import { useUrlParams } from '../lib/url';

/** What the collector says has changed: `keys` are ids of the topic, `all` when there were too many to name. */
export type Change = { topic: Topic; keys: string[]; all: boolean };
export type Topic = 'agent' | 'result' | 'sample';

/** Which queries a topic makes stale, and how many milliseconds must lie between two reads of them. */
const stale: Record<Topic, { keys: QueryKey[]; every: number }> = {
  agent: { keys: [['agents'], ['status'], ['gaps'], ['enroll-tokens']], every: 3000 },
  result: { keys: [['agents']], every: 5000 },
  sample: { keys: [['prom', 'instant']], every: 5000 },
};

/** How far the clock moves by itself when no samples are announced. */
const tick = 10_000;

/** EventSource.CLOSED */
const closed = 2;

/** Live is the connection to the collector's changes, while somebody looks: a hidden tab needs none. */
export class Live {
  private source: EventSource | undefined;
  private listeners = new Set<() => void>();
  private watched = new Map<string, number>();
  private last = new Map<Topic, number>();
  private timers = new Map<Topic, ReturnType<typeof setTimeout>>();
  private reconnect: ReturnType<typeof setTimeout> | undefined;
  private state = { now: Date.now(), connected: false };
  private running = false;
  private missed = false;

  constructor(
    private readonly invalidate: (key: QueryKey) => void,
    private readonly open: (url: string) => EventSource = (url) => new EventSource(url),
  ) {}

  readonly subscribe = (f: () => void) => {
    this.listeners.add(f);
    return () => this.listeners.delete(f);
  };

  readonly snapshot = () => this.state;

  /** Starts or stops to follow. Stopped, the page stands still. */
  run(on: boolean) {
    if (on === this.running) return;
    this.running = on;
    if (on) {
      this.set({ now: Date.now() });
      this.refreshAll();
      this.connect();
    } else {
      this.close();
    }
  }

  /** Asks for the samples of an instance, "" for those of all, until the returned function is called. */
  watch(instance: string): () => void {
    this.watched.set(instance, (this.watched.get(instance) ?? 0) + 1);
    this.connectSoon();
    return () => {
      const left = (this.watched.get(instance) ?? 1) - 1;
      if (left > 0) this.watched.set(instance, left);
      else this.watched.delete(instance);
      this.connectSoon();
    };
  }

  /** Moves the clock when nothing else did; without a connection everything may have changed meanwhile. */
  beat() {
    if (!this.running || Date.now() - this.state.now < tick - 500) return;
    this.set({ now: Date.now() });
    if (!this.state.connected) this.refreshAll();
  }

  close() {
    clearTimeout(this.reconnect);
    for (const t of this.timers.values()) clearTimeout(t);
    this.timers.clear();
    this.source?.close();
    this.source = undefined;
    this.set({ connected: false });
  }

  private connectSoon(after = 200) {
    clearTimeout(this.reconnect);
    this.reconnect = setTimeout(() => this.connect(), after);
  }

  private connect() {
    clearTimeout(this.reconnect);
    if (this.source) this.missed = true;
    this.source?.close();
    this.source = undefined;
    if (!this.running) return;
    const params = new URLSearchParams([
      ['topic', 'agent'],
      ['topic', 'result'],
    ]);
    if (this.watched.size > 0) params.append('topic', 'sample');
    if (!this.watched.has('')) for (const i of this.watched.keys()) params.append('instance', i);
    const source = this.open(`/api/v1/live?${params}`);
    this.source = source;
    source.onopen = () => {
      // What changed while nobody told us.
      if (this.missed) this.refreshAll();
      this.missed = false;
      this.set({ connected: true });
    };
    source.onerror = () => {
      this.missed = true;
      this.set({ connected: false });
      // The browser tries again by itself after a cut, not after a refusal.
      if (source.readyState === closed) this.connectSoon(tick);
    };
    source.addEventListener('change', (e) => this.changed(JSON.parse((e as MessageEvent<string>).data) as Change));
    source.addEventListener('end', (e) => {
      const { reason } = JSON.parse((e as MessageEvent<string>).data) as { reason: string };
      if (reason === 'signed_out') this.invalidate(['me']);
    });
  }

  private changed(c: Change) {
    if (c.topic === 'sample' && Date.now() - this.state.now >= 2000) this.set({ now: Date.now() });
    this.refresh(c.topic);
  }

  private refreshAll() {
    for (const topic of Object.keys(stale) as Topic[]) this.refresh(topic);
  }

  private refresh(topic: Topic) {
    const { keys, every } = stale[topic] ?? { keys: [], every: 0 };
    if (this.timers.has(topic)) return;
    const wait = Math.max(0, (this.last.get(topic) ?? 0) + every - Date.now());
    this.timers.set(
      topic,
      setTimeout(() => {
        this.timers.delete(topic);
        this.last.set(topic, Date.now());
        for (const key of keys) this.invalidate(key);
      }, wait),
    );
  }

  private set(change: Partial<typeof this.state>) {
    this.state = { ...this.state, ...change };
    for (const f of this.listeners) f();
  }
}

export const LiveContext = createContext<Live | null>(null);

/** Makes the one Live of the app and keeps it going while the tab is seen and the user has not paused it. */
export function useLiveSource(signedIn: boolean): Live {
  const client = useQueryClient();
  const [live] = useState(() => new Live((queryKey) => void client.invalidateQueries({ queryKey })));
  const [params] = useUrlParams();
  const paused = params.get('live') === 'off';
  useEffect(() => {
    const decide = () => live.run(signedIn && !paused && document.visibilityState === 'visible');
    decide();
    const beat = setInterval(() => live.beat(), 1000);
    document.addEventListener('visibilitychange', decide);
    return () => {
      clearInterval(beat);
      document.removeEventListener('visibilitychange', decide);
      live.run(false);
    };
  }, [live, signedIn, paused]);
  return live;
}

function useLiveContext(): Live {
  const live = use(LiveContext);
  if (!live) throw new Error('useLive is used outside LiveContext');
  return live;
}

/** Whether live updates flow, whether they are paused, and the time that the page shows, in Unix milliseconds. */
export function useLive() {
  const live = useLiveContext();
  const { now, connected } = useSyncExternalStore(live.subscribe, live.snapshot);
  const [params, change] = useUrlParams();
  const paused = params.get('live') === 'off';
  const setPaused = useCallback((p: boolean) => change({ live: p ? 'off' : undefined }), [change]);
  return { now, connected, paused, setPaused };
}

/** The time that the page shows, in Unix milliseconds. For what there is many of: it follows nothing else. */
export function useNow(): number {
  const live = useLiveContext();
  return useSyncExternalStore(live.subscribe, () => live.snapshot().now);
}

/** Moves the page's time on when samples of the instance arrive; "" means any instance, undefined none. */
export function useLiveSamples(instance: string | undefined) {
  const live = useLiveContext();
  useEffect(() => (instance === undefined ? undefined : live.watch(instance)), [live, instance]);
}

/** The span of the URL, moving with the present while it is live. `now` in seconds. */
export function useSpan(initial = 3600): Span & { now: number } {
  const { now } = useLive();
  const [params] = useUrlParams();
  return useMemo(() => ({ ...spanOf(params, now / 1000, initial), now: now / 1000 }), [params, now, initial]);
}
