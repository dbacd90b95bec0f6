import type { QueryClient } from '@tanstack/react-query';
import type { ComponentType } from 'react';
import { agentQuery, agentsQuery } from './agent/agent';
import { classesQuery, itemQuery } from './item/item';
import { late } from './lib/late';
import { askOverview, loadCharts, OverviewPage } from './overview/OverviewPage';
import type { Role } from './session/session';
import { Activity, Box, ChartSpline, type Icon, Server, Settings, Waypoints } from './ui/icons';

export type Route = {
  path: string;
  /** The name in the navigation; a page without one is reached from another. */
  title?: string;
  icon?: Icon;
  /** The key that goes there after "g". */
  key?: string;
  role: Role;
  page: ComponentType;
  /** Loads the page's part of the program. */
  load?: () => Promise<unknown>;
  /** Asks for what the page shows first; `name` is what the address says after the page's own. */
  first?: (client: QueryClient, name: string) => void | Promise<void>;
  /** Whether its charts follow the span of the URL. */
  timed?: boolean;
};

/** A page that is loaded when it is gone to. */
function lazily<Name extends string>(get: () => Promise<Record<Name, ComponentType>>, name: Name) {
  const { load, Late } = late(async () => (await get())[name]);
  return { load, page: Late };
}

const host = lazily(() => import('./host/HostPage'), 'HostPage');
const fleet = lazily(() => import('./agent/FleetPage'), 'FleetPage');
const settings = lazily(() => import('./settings/SettingsPage'), 'SettingsPage');
const allAgents = (client: QueryClient) => void client.prefetchQuery(agentsQuery);

/** Every page of the app. */
export const routes: Route[] = [
  {
    path: '/',
    title: 'Overview',
    icon: Activity,
    key: 'o',
    role: 'viewer',
    page: OverviewPage,
    load: loadCharts,
    first: askOverview,
    timed: true,
  },
  {
    path: '/hosts',
    title: 'Hosts',
    icon: Server,
    key: 'h',
    role: 'viewer',
    ...lazily(() => import('./host/HostsPage'), 'HostsPage'),
    first: allAgents,
  },
  {
    path: '/hosts/:instance',
    role: 'viewer',
    ...host,
    first: (client, instance) => void client.prefetchQuery(agentQuery(instance)),
    timed: true,
  },
  {
    path: '/explore',
    title: 'Explore',
    icon: ChartSpline,
    key: 'e',
    role: 'viewer',
    ...lazily(() => import('./metric/ExplorePage'), 'ExplorePage'),
    timed: true,
  },
  {
    path: '/cmdb',
    title: 'CMDB',
    icon: Box,
    key: 'c',
    role: 'viewer',
    ...lazily(() => import('./item/ItemsPage'), 'ItemsPage'),
    first: (client) => void client.prefetchQuery(classesQuery),
  },
  {
    path: '/cmdb/:id',
    role: 'viewer',
    ...lazily(() => import('./item/ItemPage'), 'ItemPage'),
    first: (client, id) => void client.prefetchQuery(itemQuery(id)),
  },
  { path: '/fleet', title: 'Fleet', icon: Waypoints, key: 'f', role: 'viewer', ...fleet, first: allAgents },
  { path: '/fleet/:tab', role: 'viewer', ...fleet },
  { path: '/settings', title: 'Settings', icon: Settings, key: 's', role: 'viewer', ...settings },
  { path: '/settings/:tab', role: 'viewer', ...settings },
];

/** The page at an address. */
export function routeOf(path: string): Route | undefined {
  const have = path.split('/');
  return routes.find((r) => {
    const want = r.path.split('/');
    return want.length === have.length && want.every((w, i) => w.startsWith(':') || w === have[i]);
  });
}
