import { Stack, Title } from '@mantine/core';
import { useState } from 'react';
import { useMay } from '../session/session';
import { KeyRound } from '../ui/icons';
import { Empty } from '../ui/State';
import type { NewEnrollTokenResult } from './agent';
import { TokenForm } from './TokenForm';
import { TokenList } from './TokenList';
import { TokenMade } from './TokenMade';

/** Makes tokens that hosts enrol with. A new token's secret lives in this component's state and nowhere else. */
export function EnrolPart() {
  const may = useMay('operator');
  const [made, setMade] = useState<NewEnrollTokenResult>();
  if (!may)
    return (
      <Empty icon={KeyRound} title="You may not enrol hosts">
        It asks for the role operator. An admin can give it to you under Settings, Users.
      </Empty>
    );
  return (
    <Stack gap="lg">
      {made ? <TokenMade made={made} done={() => setMade(undefined)} /> : <TokenForm done={setMade} />}
      <section>
        <Title order={2} size="h4" mb="xs">
          Tokens
        </Title>
        <TokenList />
      </section>
    </Stack>
  );
}
