import { useParams } from 'wouter';
import { useHref } from '../lib/url';
import { Page } from '../ui/Page';
import { TabLinks } from '../ui/TabLinks';
import { AgentList } from './AgentList';
import { EnrolPart } from './EnrolPart';

/** All agents: what they are, who may stay, and how more come. */
export function FleetPage() {
  const { tab = 'agents' } = useParams<{ tab?: string }>();
  const link = useHref();
  return (
    <Page title="Fleet" part={tab === 'enrol' ? 'Enrol hosts' : undefined}>
      <TabLinks
        label="Fleet"
        current={tab}
        tabs={[
          { name: 'agents', title: 'Agents', href: link('/fleet') },
          { name: 'enrol', title: 'Enrol hosts', href: link('/fleet/enrol') },
        ]}
      />
      {tab === 'enrol' ? <EnrolPart /> : <AgentList />}
    </Page>
  );
}
