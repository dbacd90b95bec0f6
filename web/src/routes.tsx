import { Activity, ChartSpline, type LucideIcon, Server, Settings, Waypoints } from 'lucide-react';
import { type ComponentType, lazy } from 'react';
import { OverviewPage } from './overview/OverviewPage';
import type { Role } from './session/session';

export type Route = {
  path: string;
  /** The name in the navigation; a page without one is reached from another. */
  title?: string;
  icon?: LucideIcon;
  /** The key that goes there after "g". */
  key?: string;
  role: Role;
  page: ComponentType;
  /** Whether its charts follow the span of the URL. */
  timed?: boolean;
};

const lazily = <Name extends string>(load: () => Promise<Record<Name, ComponentType>>, name: Name) =>
  lazy(async () => ({ default: (await load())[name] }));

/** Every page of the app. */
export const routes: Route[] = [
  { path: '/', title: 'Overview', icon: Activity, key: 'o', role: 'viewer', page: OverviewPage, timed: true },
  {
    path: '/hosts',
    title: 'Hosts',
    icon: Server,
    key: 'h',
    role: 'viewer',
    page: lazily(() => import('./host/HostsPage'), 'HostsPage'),
  },
  { path: '/hosts/:instance', role: 'viewer', page: lazily(() => import('./host/HostPage'), 'HostPage'), timed: true },
  {
    path: '/explore',
    title: 'Explore',
    icon: ChartSpline,
    key: 'e',
    role: 'viewer',
    page: lazily(() => import('./metric/ExplorePage'), 'ExplorePage'),
    timed: true,
  },
  {
    path: '/fleet',
    title: 'Fleet',
    icon: Waypoints,
    key: 'f',
    role: 'viewer',
    page: lazily(() => import('./agent/FleetPage'), 'FleetPage'),
  },
  { path: '/fleet/:tab', role: 'viewer', page: lazily(() => import('./agent/FleetPage'), 'FleetPage') },
  {
    path: '/settings',
    title: 'Settings',
    icon: Settings,
    key: 's',
    role: 'viewer',
    page: lazily(() => import('./settings/SettingsPage'), 'SettingsPage'),
  },
  { path: '/settings/:tab', role: 'viewer', page: lazily(() => import('./settings/SettingsPage'), 'SettingsPage') },
];
