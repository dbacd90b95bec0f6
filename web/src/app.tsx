import {
  ActionIcon,
  Anchor,
  AppShell,
  Burger,
  Group,
  Kbd,
  Menu,
  Text,
  Tooltip,
  UnstyledButton,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { CircleHelp, LogOut, Moon, Search, Sun, UserRound, WifiOff } from 'lucide-react';
import { Suspense, useEffect } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { Help } from './help';
import { useKeys } from './keys';
import { useHref, useRawSearch } from './lib/url';
import { LiveContext, useLive, useLiveSource } from './live/live';
import { openPalette, Palette } from './palette';
import { type Route as Page, routeOf, routes } from './routes';
import { SignInPage } from './session/SignInPage';
import { allows, type Me, useLogout, useMe } from './session/session';
import { Page as Frame } from './ui/Page';
import { Empty, ErrorBoundary, ErrorBox, Loading } from './ui/State';
import { TimeControls } from './ui/TimeControls';

/** The app: the sign-in page for strangers, the frame with its pages for everybody else. */
export function App() {
  const me = useMe();
  const [path] = useLocation();
  const search = useRawSearch();
  const live = useLiveSource(Boolean(me.data));
  if (me.isPending) return <Loading label="Loading Picket" />;
  if (me.error && me.data === undefined)
    return <ErrorBox title="Picket does not answer" error={me.error} retry={() => me.refetch()} />;
  if (path === '/sign-in') return <SignInPage />;
  if (!me.data)
    return <Redirect to={`/sign-in?${new URLSearchParams({ next: search ? `${path}?${search}` : path })}`} replace />;
  return (
    <LiveContext value={live}>
      <Shell me={me.data} />
    </LiveContext>
  );
}

function Shell({ me }: { me: Me }) {
  const [menu, { toggle, close }] = useDisclosure();
  const [help, helpIs] = useDisclosure();
  const [path] = useLocation();
  const page = routeOf(path);
  useKeys({ help: helpIs.open });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu of small screens closes when the page changes.
  useEffect(close, [path]);
  return (
    <AppShell
      header={{ height: 50 }}
      navbar={{ width: 190, breakpoint: 'sm', collapsed: { mobile: !menu } }}
      padding="md"
    >
      <a href="#main" className="skip">
        To the content
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="xs" wrap="nowrap">
            <Burger opened={menu} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Pages" />
            <Logo />
          </Group>
          <Group gap={6} wrap="nowrap">
            {page?.timed && <TimeControls />}
            <Disconnected />
            <Header me={me} help={helpIs.open} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" component="nav" aria-label="Pages">
        <Nav me={me} />
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1}>
        <Pages me={me} />
      </AppShell.Main>
      <Palette me={me} />
      <Help opened={help} close={helpIs.close} />
    </AppShell>
  );
}

function Logo() {
  const link = useHref();
  return (
    <Anchor component={Link} href={link('/')} aria-label="Picket" underline="never" c="var(--mantine-color-text)">
      <Group gap={8} wrap="nowrap">
        <img src="/picket.svg" width={24} height={24} alt="" />
        <Text fw={700} visibleFrom="xs">
          Picket
        </Text>
      </Group>
    </Anchor>
  );
}

function Nav({ me }: { me: Me }) {
  const [path] = useLocation();
  const link = useHref();
  return routes
    .filter((r) => r.title && allows(me.roles, r.role))
    .map(({ path: to, title, icon: Icon }) => {
      const here = to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`);
      return (
        <Link key={to} href={link(to)} className="nav" aria-current={here ? 'page' : undefined}>
          {Icon && <Icon size={17} aria-hidden />}
          {title}
        </Link>
      );
    });
}

function Disconnected() {
  const { connected, paused } = useLive();
  if (connected || paused) return null;
  return (
    <Tooltip label="No live updates now; the page asks every 10 seconds">
      <WifiOff size={16} aria-label="No live updates" role="img" />
    </Tooltip>
  );
}

function Header({ me, help }: { me: Me; help: () => void }) {
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  const { setColorScheme } = useMantineColorScheme();
  const logout = useLogout();
  const other = scheme === 'dark' ? 'light' : 'dark';
  const link = useHref();
  return (
    <>
      <Tooltip
        label={
          <>
            Search pages, hosts, metrics <Kbd size="xs">Ctrl K</Kbd>
          </>
        }
      >
        <ActionIcon variant="default" size="md" onClick={openPalette} aria-label="Search pages, hosts, metrics">
          <Search size={15} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={`Use ${other} colours`}>
        <ActionIcon
          variant="default"
          size="md"
          onClick={() => setColorScheme(other)}
          aria-label={`Use ${other} colours`}
          visibleFrom="xs"
        >
          {scheme === 'dark' ? <Sun size={15} /> : <Moon size={15} />}
        </ActionIcon>
      </Tooltip>
      <Menu position="bottom-end" shadow="md" width={220}>
        <Menu.Target>
          <ActionIcon variant="default" size="md" aria-label={`Account of ${me.name}`}>
            <UserRound size={15} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            {me.name} · {me.roles.join(', ')}
          </Menu.Label>
          <Menu.Item
            component={Link}
            href={link('/settings/account')}
            leftSection={<UserRound size={15} aria-hidden />}
          >
            Password and sessions
          </Menu.Item>
          <Menu.Item
            leftSection={<CircleHelp size={15} aria-hidden />}
            rightSection={<Kbd size="xs">?</Kbd>}
            onClick={help}
          >
            Keys
          </Menu.Item>
          <Menu.Item
            leftSection={scheme === 'dark' ? <Sun size={15} aria-hidden /> : <Moon size={15} aria-hidden />}
            hiddenFrom="xs"
            onClick={() => setColorScheme(other)}
          >
            Use {other} colours
          </Menu.Item>
          <Menu.Item leftSection={<LogOut size={15} aria-hidden />} onClick={() => logout.mutate()}>
            Sign out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

function Pages({ me }: { me: Me }) {
  const [path] = useLocation();
  return (
    <ErrorBoundary resetKey={path}>
      <Suspense fallback={<Loading />}>
        <Switch>
          {routes.map((r) => (
            <Route key={r.path} path={r.path}>
              {allows(me.roles, r.role) ? <r.page /> : <Refused page={r} />}
            </Route>
          ))}
          <Route>
            <Nothing />
          </Route>
        </Switch>
      </Suspense>
    </ErrorBoundary>
  );
}

function Refused({ page }: { page: Page }) {
  return (
    <Frame title={page.title ?? 'Not for you'}>
      <Empty icon={UserRound} title="You may not see this page">
        It asks for the role {page.role}. An admin can give it to you under Settings, Users.
      </Empty>
    </Frame>
  );
}

function Nothing() {
  const link = useHref();
  return (
    <Frame title="Nothing here">
      <Empty
        icon={Search}
        title="There is no such page"
        action={
          <UnstyledButton component={Link} href={link('/')}>
            <Anchor component="span">To the overview</Anchor>
          </UnstyledButton>
        }
      >
        The address may be mistyped, or from another version of Picket.
      </Empty>
    </Frame>
  );
}
