import { Anchor, Kbd, Menu, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Suspense, useDeferredValue, useEffect } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import classes from './app.module.css';
import { Help } from './help';
import { useKeys } from './keys';
import { useHref, useRawSearch } from './lib/url';
import { LiveContext, useLive, useLiveSource } from './live/live';
import { openPalette, Palette } from './palette';
import { type Route as Page, routeOf, routes } from './routes';
import { SignInPage } from './session/SignInPage';
import { allows, type Me, useLogout, useMe } from './session/session';
import { CircleHelp, LogOut, Menu as MenuIcon, Moon, Search, Sun, UserRound, WifiOff, X } from './ui/icons';
import { Page as Frame } from './ui/Page';
import plain from './ui/plain.module.css';
import { RowMenu } from './ui/RowMenu';
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
  // The frame stands before its page is drawn, which then does not hold the browser up.
  const framed = useDeferredValue(true, false);
  useKeys({ help: helpIs.open });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu of small screens closes when the page changes.
  useEffect(close, [path]);
  return (
    <>
      <a href="#main" className={classes.skip}>
        To the content
      </a>
      <header className={classes.header}>
        <button
          type="button"
          className={`${plain.tool} ${classes.burger}`}
          aria-label="Pages"
          aria-expanded={menu}
          onClick={toggle}
        >
          {menu ? <X size={17} aria-hidden /> : <MenuIcon size={17} aria-hidden />}
        </button>
        <Logo />
        {page?.timed && <TimeControls />}
        <Disconnected />
        <Tools me={me} help={helpIs.open} />
      </header>
      <nav className={classes.nav} aria-label="Pages" data-open={menu || undefined}>
        <Nav me={me} />
      </nav>
      <main id="main" className={classes.main} tabIndex={-1}>
        {framed && <Pages me={me} />}
      </main>
      <Palette me={me} />
      <Help opened={help} close={helpIs.close} />
    </>
  );
}

function Logo() {
  const link = useHref();
  return (
    <Link href={link('/')} aria-label="Picket" className={classes.logo}>
      <img src="/picket.svg" width={24} height={24} alt="" />
      <span>Picket</span>
    </Link>
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
        <Link key={to} href={link(to)} className={classes.to} aria-current={here ? 'page' : undefined}>
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
    <span title="No live updates now; the page asks every 10 seconds" className={classes.offline}>
      <WifiOff size={16} aria-label="No live updates" role="img" />
    </span>
  );
}

function Tools({ me, help }: { me: Me; help: () => void }) {
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  const { setColorScheme } = useMantineColorScheme();
  const logout = useLogout();
  const other = scheme === 'dark' ? 'light' : 'dark';
  const link = useHref();
  const Sky = scheme === 'dark' ? Sun : Moon;
  return (
    <>
      <button
        type="button"
        className={plain.tool}
        title="Search pages, hosts, metrics (Ctrl K)"
        aria-label="Search pages, hosts, metrics"
        onClick={openPalette}
      >
        <Search size={15} aria-hidden />
      </button>
      <button
        type="button"
        className={`${plain.tool} ${classes.sky}`}
        title={`Use ${other} colours`}
        aria-label={`Use ${other} colours`}
        onClick={() => setColorScheme(other)}
      >
        <Sky size={15} aria-hidden />
      </button>
      <RowMenu label={`Account of ${me.name}`} icon={UserRound} className={plain.tool} width={220}>
        {() => (
          <>
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
              leftSection={<Sky size={15} aria-hidden />}
              hiddenFrom="xs"
              onClick={() => setColorScheme(other)}
            >
              Use {other} colours
            </Menu.Item>
            <Menu.Item leftSection={<LogOut size={15} aria-hidden />} onClick={() => logout.mutate()}>
              Sign out
            </Menu.Item>
          </>
        )}
      </RowMenu>
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
