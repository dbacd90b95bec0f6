import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { get, getAll, post } from '../api/client';
import type { Schema } from '../api/types';
import { useUrlParams } from '../lib/url';

export type Item = Schema<'Item'>;
export type ItemDetail = Schema<'ItemDetail'>;
export type ItemWord = Schema<'ItemWord'>;
export type ItemChange = Schema<'ItemChange'>;
export type ItemAttribute = Schema<'ItemAttribute'>;
export type Class = Schema<'Class'>;
export type ClassDetail = Schema<'ClassDetail'>;
export type ClassAttribute = Schema<'ClassAttribute'>;
export type Relation = Schema<'Relation'>;
export type DuplicateSet = Schema<'DuplicateSet'>;

/** Which items are listed. */
export type ItemFilter = { class?: string; search?: string; duplicates?: boolean; host?: string };

export const itemKeys = {
  all: ['items'] as const,
  classes: ['items', 'classes'] as const,
  class: (name: string) => ['items', 'class', name] as const,
  list: (filter: ItemFilter) => ['items', 'list', filter] as const,
  one: (id: string, at: string) => ['items', 'one', id, at] as const,
  relations: (id: string) => ['items', 'relations', id] as const,
  history: (id: string) => ['items', 'history', id] as const,
  difference: (id: string, from: string, to: string) => ['items', 'difference', id, from, to] as const,
  duplicates: (id: string) => ['items', 'duplicates', id] as const,
};

export const itemPath = (id: string) => `/cmdb/${encodeURIComponent(id)}`;
const path = (id: string) => `/api/v1/items/${encodeURIComponent(id)}`;

/** How often the CMDB is asked again, in milliseconds: what changes in it is not announced. */
function useEvery(): number | false {
  const [params] = useUrlParams();
  return params.get('live') === 'off' ? false : 30_000;
}

/** All classes with how many items there are of each, each after the class it is a kind of. */
export const classesQuery = queryOptions({
  queryKey: itemKeys.classes,
  queryFn: ({ signal }) => getAll<Class>('/api/v1/classes', { limit: undefined }, signal),
});

export function useClasses() {
  return useQuery({ ...classesQuery, refetchInterval: useEvery() });
}

/** One class with its attributes. Classes change only when the collector starts anew. */
export function useClass(name: string | undefined) {
  return useQuery({
    queryKey: itemKeys.class(name ?? ''),
    queryFn: ({ signal }) => get<ClassDetail>(`/api/v1/classes/${encodeURIComponent(name ?? '')}`, {}, signal),
    enabled: Boolean(name),
    staleTime: 600_000,
  });
}

type ItemPage = Schema<'ItemList'>;

const pageSize = 200;

/** The items of a filter by name, page after page. */
export const itemsQuery = (filter: ItemFilter) =>
  infiniteQueryOptions({
    queryKey: itemKeys.list(filter),
    queryFn: ({ pageParam, signal }) =>
      get<ItemPage>('/api/v1/items', { ...filter, limit: pageSize, after: pageParam || undefined }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next,
  });

export function useItems(filter: ItemFilter) {
  const every = useEvery();
  return useInfiniteQuery({
    ...itemsQuery(filter),
    placeholderData: keepPreviousData,
    // Whoever has scrolled far down is not made to load all of it again.
    refetchInterval: (q) => ((q.state.data?.pages.length ?? 0) > 1 ? false : every),
  });
}

/** One item, at a time of the past when there is one. */
export const itemQuery = (id: string, at = '') =>
  queryOptions({
    queryKey: itemKeys.one(id, at),
    queryFn: ({ signal }) => get<ItemDetail>(path(id), { at: at || undefined }, signal),
  });

export function useItem(id: string, at: string) {
  return useQuery({ ...itemQuery(id, at), refetchInterval: useEvery() });
}

/** How many relations are shown of one item. */
export const mostRelations = 5000;

export function useRelations(id: string) {
  return useQuery({
    queryKey: itemKeys.relations(id),
    queryFn: ({ signal }) => getAll<Relation>('/api/v1/relations', { item: id }, signal, mostRelations),
    refetchInterval: useEvery(),
  });
}

export function useItemHistory(id: string) {
  return useInfiniteQuery({
    queryKey: itemKeys.history(id),
    queryFn: ({ pageParam, signal }) =>
      get<Schema<'ListItemChange'>>(`${path(id)}/history`, { limit: 50, after: pageParam || undefined }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next,
  });
}

export function useDifference(id: string, from: string, to: string) {
  return useQuery({
    queryKey: itemKeys.difference(id, from, to),
    queryFn: ({ signal }) => get<Schema<'ItemDifference'>>(`${path(id)}/difference`, { from, to }, signal),
    enabled: from !== '' && to !== '',
  });
}

/** The sets of items that an item may be one thing with, or was. */
export function useDuplicates(id: string) {
  return useQuery({
    queryKey: itemKeys.duplicates(id),
    queryFn: ({ signal }) =>
      getAll<DuplicateSet>('/api/v1/duplicates', { item: id }, signal).then((all) =>
        all.filter((s) => s.state !== 'dismissed'),
      ),
  });
}

/** What can be done with a set of duplicates. */
export type SetChange = { id: string; verb: 'merge' | 'undo' | 'dismiss'; main?: string };

export function useChangeSet() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, verb, main }: SetChange) =>
      post<DuplicateSet>(`/api/v1/duplicates/${encodeURIComponent(id)}/${verb}`, main ? { main } : {}),
    onSettled: () => void client.invalidateQueries({ queryKey: itemKeys.all }),
  });
}
