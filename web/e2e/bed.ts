import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

const run = promisify(execFile);
const bin = join(import.meta.dirname, '../../bin');
export const adminPassword = process.env.PICKET_E2E_PASSWORD ?? 'story-admin-password';

declare module 'vitest' {
  interface ProvidedContext {
    url: string;
    dir: string;
    demo: string;
  }
}

/** Ports nobody has now. They are held until all are found, so that they differ. */
async function freePorts(n: number): Promise<number[]> {
  const held = await Promise.all(
    Array.from(
      { length: n },
      () =>
        new Promise<ReturnType<typeof createServer>>((done) => {
          const s = createServer();
          s.listen(0, '127.0.0.1', () => done(s));
        }),
    ),
  );
  const ports = held.map((s) => (s.address() as { port: number }).port);
  await Promise.all(held.map((s) => new Promise((done) => s.close(done))));
  return ports;
}

/** Asks until the condition holds, for at most `seconds`. */
export async function eventually<T>(what: string, f: () => Promise<T | false | undefined>, seconds = 60): Promise<T> {
  const end = Date.now() + seconds * 1000;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const v = await f();
      if (v) return v;
    } catch (err) {
      last = err;
    }
    await new Promise((r) => setTimeout(r, 250));
  }
  throw new Error(`${what}: not within ${seconds} s${last ? `: ${last}` : ''}`);
}

/** Runs one of our programs to its end; its output on success. */
export async function program(name: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await run(join(bin, name), args, { env: { ...process.env, ...env }, maxBuffer: 1 << 26 });
  return stdout;
}

/** Starts the collector, an agent for this host and the demo shop; stops them after the last story. */
export default async function setup(project: TestProject) {
  // Somebody else has started it all: bench/web with its simulated hosts, or you, to try one story again and again.
  if (process.env.PICKET_E2E_URL) {
    project.provide('url', process.env.PICKET_E2E_URL);
    project.provide('dir', process.env.PICKET_E2E_DIR ?? '');
    project.provide('demo', join(process.env.PICKET_E2E_DIR ?? '', 'demo'));
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), 'picket-e2e-'));
  const demo = join(dir, 'demo');
  const [http, grpc] = await freePorts(2);
  const url = `http://127.0.0.1:${http}`;
  const env = { PICKET_URL: url, PICKET_USER: 'admin', PICKET_PASSWORD: adminPassword };
  const running: ChildProcess[] = [];
  const start = (name: string, args: string[], extra: Record<string, string> = {}) => {
    const log = openSync(join(dir, `${name}.log`), 'a');
    running.push(spawn(join(bin, name), args, { env: { ...process.env, ...extra }, stdio: ['ignore', log, log] }));
  };
  const stop = async () => {
    await program('picket', ['demo', 'stop', '--dir', demo], env).catch(() => undefined);
    for (const p of running.reverse()) {
      if (p.exitCode !== null) continue;
      p.kill('SIGTERM');
      await new Promise((done) => p.once('exit', done));
    }
    if (!process.env.PICKET_E2E_KEEP) rmSync(dir, { recursive: true, force: true });
  };
  try {
    start(
      'picket-collector',
      [
        'run',
        '--data-dir',
        join(dir, 'collector'),
        '--http-addr',
        `127.0.0.1:${http}`,
        '--grpc-addr',
        `127.0.0.1:${grpc}`,
      ],
      { PICKET_ADMIN_PASSWORD: adminPassword },
    );
    await eventually('collector is ready', async () => (await fetch(`${url}/readyz`)).ok);
    const token = await program('picket-collector', ['token', 'create', '--data-dir', join(dir, 'collector')]);
    writeFileSync(join(dir, 'token'), token, { mode: 0o600 });
    start('picket-agent', [
      'run',
      '--data-dir',
      join(dir, 'agent'),
      '--collector',
      `127.0.0.1:${grpc}`,
      '--token-file',
      join(dir, 'token'),
      '--interval',
      '1s',
    ]);
    await program(
      'picket',
      ['demo', 'start', '--dir', demo, '--interval', '1s', ...(process.env.PICKET_E2E_HISTORY ? ['--history'] : [])],
      env,
    );
  } catch (err) {
    for (const name of ['picket-collector', 'picket-agent'])
      process.stderr.write(`--- ${name}\n${readFileSync(join(dir, `${name}.log`), 'utf8').slice(-4000)}\n`);
    await stop();
    throw err;
  }
  project.provide('url', url);
  project.provide('dir', dir);
  project.provide('demo', demo);
  return stop;
}
