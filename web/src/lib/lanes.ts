/**
 * Lets at most `lanes` of the jobs run at a time, in their order: what was asked first is answered first, instead of all late. A job
 * whose signal is aborted while it waits never runs.
 */
export function inLanes(lanes: number) {
  const waiting: (() => void)[] = [];
  let running = 0;
  const next = () => {
    if (running >= lanes) return;
    waiting.shift()?.();
  };
  return <T>(job: () => Promise<T>, signal?: AbortSignal): Promise<T> =>
    new Promise((resolve, reject) => {
      const run = () => {
        if (signal?.aborted) {
          reject(signal.reason);
          next();
          return;
        }
        running++;
        job()
          .then(resolve, reject)
          .finally(() => {
            running--;
            next();
          });
      };
      waiting.push(run);
      next();
    });
}
