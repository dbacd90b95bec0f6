import { useLocalStorage } from '@mantine/hooks';
import { useCallback } from 'react';

/** A query that ran, and when it did last, in Unix milliseconds. */
export type Past = { query: string; at: number };

const most = 100;

/** Puts a query first. */
export function remember(past: Past[], query: string, at: number): Past[] {
  if (!query.trim()) return past;
  return [{ query, at }, ...past.filter((p) => p.query !== query)].slice(0, most);
}

/** The queries that have words in any order. */
export function search(past: Past[], text: string): Past[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return past.filter((p) => words.every((w) => p.query.toLowerCase().includes(w)));
}

/** What this browser has asked before, the newest first. */
export function useHistory() {
  const [past, set, clear] = useLocalStorage<Past[]>({
    key: 'picket-queries',
    defaultValue: [],
    deserialize: read,
    getInitialValueInEffect: false,
  });
  const add = useCallback((query: string) => set((p) => remember(p, query, Date.now())), [set]);
  return { past, add, clear };
}

function read(text: string | undefined): Past[] {
  try {
    const all: unknown = JSON.parse(text ?? '[]');
    if (!Array.isArray(all)) return [];
    return all.filter((p): p is Past => typeof p?.query === 'string' && typeof p?.at === 'number').slice(0, most);
  } catch {
    return [];
  }
}
