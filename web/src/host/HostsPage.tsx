import { Page } from '../ui/Page';

export function HostsPage() {
  return <Page title="HostsPage">…</Page>;
}
