export type Way = 'deb' | 'tar' | 'hand';

/** How a host can be given its agent; docs/install.md and `picket-collector token create` say the same. */
export const ways: { value: Way; label: string }[] = [
  { value: 'deb', label: 'Debian package' },
  { value: 'tar', label: 'Tarball' },
  { value: 'hand', label: 'By hand' },
];

/** What to run as root on the host. The token goes through a file that only the agent's user can read. */
export function installLines(way: Way, token: string): string {
  const put = `install -m 0600 -o picket-agent /dev/stdin /etc/picket-agent/token <<<'${token}'`;
  switch (way) {
    case 'deb':
      return ['apt install ./picket-agent_*.deb', `${put} && systemctl restart picket-agent`].join('\n');
    case 'tar':
      return [
        'tar xzf picket-agent-*-linux-*.tar.gz && cd picket-agent-*-linux-*/',
        'useradd --system --user-group --home-dir /var/lib/picket-agent --no-create-home --shell /usr/sbin/nologin picket-agent',
        'install -m 0755 picket-agent /usr/bin/picket-agent',
        'install -m 0644 picket-agent.service /etc/systemd/system/picket-agent.service',
        'install -d -m 0750 -g picket-agent /etc/picket-agent',
        'install -m 0640 -g picket-agent agent.yaml /etc/picket-agent/agent.yaml',
        put,
        'systemctl daemon-reload && systemctl enable --now picket-agent',
      ].join('\n');
    case 'hand':
      return `picket-agent run --data-dir /var/lib/picket-agent --token-file - <<<'${token}'`;
  }
}

/** What tells on the host whether it worked. */
export function doctorLine(way: Way): string {
  return way === 'hand'
    ? 'picket-agent doctor --data-dir /var/lib/picket-agent'
    : 'picket-agent doctor --config /etc/picket-agent/agent.yaml';
}
