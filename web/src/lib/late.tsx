import { type ComponentType, lazy, useState } from 'react';

/**
 * A component whose part of the program is loaded when it is needed, or before by `load`. One that is there already is drawn at
 * once: what React has to wait for, be it a moment, is held back for 300 ms.
 */
export function late<Props extends object>(get: () => Promise<ComponentType<Props>>) {
  let there: ComponentType<Props> | undefined;
  const load = async () => {
    there = await get();
    return { default: there };
  };
  const Awaited = lazy(load) as unknown as ComponentType<Props>;
  function Late(props: Props) {
    const [Part] = useState(() => there ?? Awaited);
    return <Part {...props} />;
  }
  return { load, Late };
}
