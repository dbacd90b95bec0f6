import { expect, test } from 'vitest';
import { inLanes } from './lanes';

/** A job that ends when it is told to. */
function job(name: string, log: string[]) {
  let end = (_fail?: Error) => {};
  const run = () => {
    log.push(name);
    return new Promise<string>((resolve, reject) => {
      end = (fail) => (fail ? reject(fail) : resolve(name));
    });
  };
  return { run, end: (fail?: Error) => end(fail) };
}

const settled = () => new Promise((r) => setTimeout(r));

test('two run, the next when one is done or has failed, and those nobody waits for any more never', async () => {
  const started: string[] = [];
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((n) => job(n, started)) as [Job, Job, Job, Job];
  const lane = inLanes(2);
  const gone = new AbortController();
  const first = lane(a.run);
  const second = lane(b.run);
  const third = lane(c.run, gone.signal);
  const fourth = lane(d.run);
  expect(started).toEqual(['a', 'b']);
  gone.abort(new Error('gone'));
  b.end(new Error('broken'));
  await expect(second).rejects.toThrow('broken');
  await expect(third).rejects.toThrow('gone');
  await settled();
  expect(started).toEqual(['a', 'b', 'd']);
  a.end();
  d.end();
  expect(await Promise.all([first, fourth])).toEqual(['a', 'd']);
});

type Job = ReturnType<typeof job>;
