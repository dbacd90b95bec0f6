/** Every page, with something to wait for that is there only when the page is useful. */
export const pages: { name: string; path: string; ready: string }[] = [
  { name: 'overview', path: '/', ready: 'main canvas' },
  { name: 'hosts', path: '/hosts', ready: 'main [role=row][data-index]' },
  { name: 'host', path: '/hosts/shop-store-1', ready: 'main canvas' },
  { name: 'host-checks', path: '/hosts/shop-store-1?tab=checks', ready: 'main h1' },
  { name: 'host-inventory', path: '/hosts/shop-store-1?tab=inventory', ready: 'main h1' },
  { name: 'host-agent', path: '/hosts/shop-store-1?tab=agent', ready: 'main h1' },
  { name: 'host-events', path: '/hosts/shop-store-1?tab=events', ready: 'main h1' },
  { name: 'explore-empty', path: '/explore', ready: 'main h1' },
  {
    name: 'explore',
    path: `/explore?q=${encodeURIComponent('sum by (instance) (rate(shop_http_requests_total[1m]))')}&q=node_load1`,
    ready: 'main canvas',
  },
  { name: 'fleet', path: '/fleet', ready: 'main [role=row][data-index]' },
  { name: 'fleet-enrol', path: '/fleet/enrol', ready: 'main [role=table], main form' },
  { name: 'settings-account', path: '/settings/account', ready: 'main [role=row][data-index]' },
  { name: 'settings-users', path: '/settings/users', ready: 'main [role=row][data-index]' },
  { name: 'settings-tokens', path: '/settings/api-tokens', ready: 'main button' },
  { name: 'settings-audit', path: '/settings/audit-log', ready: 'main [role=row][data-index]' },
  { name: 'settings-about', path: '/settings/about', ready: 'main dl' },
  { name: 'nothing', path: '/there/is/nothing', ready: 'main h1' },
];
