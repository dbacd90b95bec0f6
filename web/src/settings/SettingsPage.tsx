import type { ComponentType } from 'react';
import { Redirect, useParams } from 'wouter';
import { ApiTokensPart } from '../apitoken/ApiTokensPart';
import { AuditPart } from '../audit/AuditPart';
import { useHref } from '../lib/url';
import { AccountPart } from '../session/AccountPart';
import { allows, type Role, useMe } from '../session/session';
import { Settings, UserRound } from '../ui/icons';
import { Page } from '../ui/Page';
import { Empty } from '../ui/State';
import { TabLinks } from '../ui/TabLinks';
import { UsersPart } from '../user/UsersPart';
import { AboutPart } from './AboutPart';

const parts: { name: string; title: string; role: Role; part: ComponentType }[] = [
  { name: 'account', title: 'Account', role: 'viewer', part: AccountPart },
  { name: 'users', title: 'Users', role: 'admin', part: UsersPart },
  { name: 'api-tokens', title: 'API tokens', role: 'viewer', part: ApiTokensPart },
  { name: 'audit-log', title: 'Audit log', role: 'admin', part: AuditPart },
  { name: 'about', title: 'About', role: 'viewer', part: AboutPart },
];

/** Oneself, the others, and what the collector is. Each part has its path and the role it takes. */
export function SettingsPage() {
  const { tab } = useParams<{ tab?: string }>();
  const me = useMe().data;
  const link = useHref();
  if (!tab) return <Redirect to={link('/settings/account')} replace />;
  const mine = parts.filter((p) => allows(me?.roles, p.role));
  const here = parts.find((p) => p.name === tab);
  return (
    <Page title="Settings" part={here?.title}>
      <TabLinks
        label="Settings"
        current={tab}
        tabs={mine.map((p) => ({ name: p.name, title: p.title, href: link(`/settings/${p.name}`) }))}
      />
      {!here && <Empty icon={Settings} title="There are no such settings" />}
      {here && !mine.includes(here) && (
        <Empty icon={UserRound} title="You may not see this">
          It asks for the role {here.role}. An admin can give it to you under Settings, Users.
        </Empty>
      )}
      {here && mine.includes(here) && <here.part />}
    </Page>
  );
}
