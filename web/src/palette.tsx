import { useDebouncedValue } from '@mantine/hooks';
import { Spotlight, type SpotlightActionData, spotlight } from '@mantine/spotlight';
import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { findAgents } from './agent/agent';
import { useHref } from './lib/url';
import { findMetrics } from './metric/promql';
import { suggest } from './metric/suggest';
import { routes } from './routes';
import { allows, type Me } from './session/session';
import { ChartSpline, Search, Server } from './ui/icons';

export const openPalette = () => spotlight.open();

const takeFocus = (input: HTMLElement | null) => input?.focus();

/** Goes anywhere by name: pages at once; hosts and metrics as the collector finds them. */
export function Palette({ me }: { me: Me }) {
  const [typed, setTyped] = useState('');
  const [text] = useDebouncedValue(typed.trim(), 120);
  const [, navigate] = useLocation();
  const link = useHref();
  const found = useQuery({
    queryKey: ['palette', text],
    queryFn: async ({ signal }) => ({
      agents: await findAgents(text, 6, signal),
      metrics: (await findMetrics(text, 8, signal)).items,
    }),
    enabled: text.length > 1,
    staleTime: 10_000,
  });
  const matching = (word: string) => word.toLowerCase().includes(text.toLowerCase());
  const pages = routes.filter((r) => r.title && allows(me.roles, r.role) && matching(r.title));
  const go = (to: string) => () => navigate(to);
  const groups: { group: string; actions: SpotlightActionData[] }[] = [
    {
      group: 'Pages',
      actions: pages.map((r) => ({
        id: r.path,
        label: r.title,
        leftSection: r.icon && <r.icon size={17} aria-hidden />,
        onClick: go(link(r.path)),
      })),
    },
  ];
  if (text.length > 1 && found.data) {
    groups.push(
      {
        group: 'Hosts',
        actions: found.data.agents.map((a) => ({
          id: a.id,
          label: a.instance,
          description: `${a.state}, ${a.os}`,
          leftSection: <Server size={17} aria-hidden />,
          onClick: go(link(`/hosts/${encodeURIComponent(a.instance)}`)),
        })),
      },
      {
        group: 'Metrics',
        actions: found.data.metrics.map((m) => ({
          id: m.name,
          label: m.name,
          description: m.help,
          leftSection: <ChartSpline size={17} aria-hidden />,
          onClick: go(link('/explore', { q: suggest(m) })),
        })),
      },
    );
  }
  // Enter without a choice takes the best match; it waits until the list is of what was typed.
  const [waiting, setWaiting] = useState(false);
  const ready = text === typed.trim() && !found.isFetching;
  const best = groups.flatMap((g) => g.actions)[0];
  useEffect(() => {
    if (!waiting || !ready) return;
    setWaiting(false);
    if (!best) return;
    spotlight.close();
    (best.onClick as () => void)();
  }, [waiting, ready, best]);
  const enter = (e: KeyboardEvent) => {
    const chosen = document.querySelector('[data-action][data-selected]');
    if (e.key === 'Enter' && !chosen) e.preventDefault();
    setWaiting(e.key === 'Enter' && !chosen);
  };
  return (
    <Spotlight.Root
      query={typed}
      onQueryChange={setTyped}
      shortcut={['mod + K']}
      tagsToIgnore={[]}
      // It is there and has the focus at once: what is typed meanwhile would be lost.
      transitionProps={{ duration: 0 }}
      scrollable
      maxHeight={420}
    >
      <Spotlight.Search
        ref={takeFocus}
        placeholder="Page, host or metric"
        leftSection={<Search size={17} aria-hidden />}
        aria-label="Search pages, hosts, metrics"
        onKeyDown={enter}
      />
      <Spotlight.ActionsList>
        {groups
          .filter((g) => g.actions.length > 0)
          .map((g) => (
            <Spotlight.ActionsGroup key={g.group} label={g.group}>
              {g.actions.map(({ id, ...a }) => (
                <Spotlight.Action key={id} {...a} />
              ))}
            </Spotlight.ActionsGroup>
          ))}
        {groups.every((g) => g.actions.length === 0) && (
          <Spotlight.Empty>{found.isFetching ? 'Searching…' : 'Nothing has this name'}</Spotlight.Empty>
        )}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
