import { useLocalStorage } from '@mantine/hooks';
import { useCallback } from 'react';
import { formatTime, type Zone } from '../lib/time';
import { useUrlParams } from '../lib/url';

/** The zone that times are shown in: the URL's, so that a link shows what its sender saw; else the one chosen last. */
export function useZone(): [Zone, (z: Zone) => void] {
  const [kept, keep] = useLocalStorage<Zone>({
    key: 'picket-zone',
    defaultValue: 'local',
    getInitialValueInEffect: false,
  });
  const [params, change] = useUrlParams();
  const asked = params.get('tz');
  const zone: Zone = asked === 'UTC' || asked === 'local' ? asked : kept;
  const set = useCallback(
    (z: Zone) => {
      keep(z);
      change({ tz: z });
    },
    [keep, change],
  );
  return [zone, set];
}

/** Writes times in the user's zone. */
export function useFormatTime() {
  const [zone] = useZone();
  return useCallback(
    (ms: number | string | undefined, parts?: 'full' | 'time' | 'minute' | 'date') => {
      if (ms === undefined || ms === '') return '–';
      return formatTime(typeof ms === 'string' ? Date.parse(ms) : ms, zone, parts);
    },
    [zone],
  );
}
