import { type ComponentType, lazy, useState } from 'react';

type Part<Props> = { there?: ComponentType<Props>; awaited: ComponentType<Props> };

/**
 * A component whose part of the program is loaded when it is needed, or before by `load`. One that is there already is drawn at
 * once: what React has to wait for, be it a moment, is held back for 300 ms.
 */
export function late<Props extends object>(get: () => Promise<ComponentType<Props>>) {
  const load = async () => {
    part.there = await get();
    return { default: part.there };
  };
  const part: Part<Props> = { awaited: lazy(load) as unknown as ComponentType<Props> };
  // biome-ignore lint/correctness/noComponentHookFactories: called once for each part, when the program begins.
  return { load, Late: (props: Props) => <Show part={part} props={props} /> };
}

function Show<Props extends object>({ part, props }: { part: Part<Props>; props: Props }) {
  const [Shown] = useState(() => part.there ?? part.awaited);
  return <Shown {...props} />;
}
