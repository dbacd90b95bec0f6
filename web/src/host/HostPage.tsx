import { Page } from '../ui/Page';

export function HostPage() {
  return <Page title="HostPage">…</Page>;
}
