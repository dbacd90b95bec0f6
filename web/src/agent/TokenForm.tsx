import { Button, Checkbox, Group, NumberInput, Paper, Select, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { FormError, fieldError } from '../ui/FormError';
import { type NewEnrollTokenResult, useCreateEnrollToken } from './agent';

const lives = [
  { value: '3600', label: '1 hour' },
  { value: '86400', label: '24 hours' },
  { value: '604800', label: '7 days' },
  { value: '2592000', label: '30 days' },
  { value: '7776000', label: '90 days' },
];

/** Asks what a new token shall allow. */
export function TokenForm({ done }: { done: (made: NewEnrollTokenResult) => void }) {
  const create = useCreateEnrollToken();
  const [uses, setUses] = useState<number | string>(1);
  const [life, setLife] = useState('86400');
  const [reinstall, setReinstall] = useState(true);
  const [addresses, setAddresses] = useState('');
  const submit = () => {
    const listed = addresses.split(/[\s,]+/).filter(Boolean);
    create.mutate(
      {
        uses: Number(uses) || undefined,
        ttl_seconds: Number(life),
        allow_reinstall: reinstall,
        addresses: listed.length > 0 ? listed : undefined,
      },
      { onSuccess: done },
    );
  };
  return (
    <Paper withBorder p="md" maw={760}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          submit();
        }}
      >
        <Stack gap="sm">
          <Text size="sm">
            A host joins with a token. It names this collector and is worth nothing once it is used up or expired.
          </Text>
          <Group gap="md" align="flex-start">
            <NumberInput
              label="Hosts"
              description="How many it enrols"
              min={1}
              max={1_000_000}
              allowDecimal={false}
              w={150}
              value={uses}
              onChange={setUses}
              error={fieldError(create.error, 'uses')}
            />
            <Select
              label="Valid for"
              description="Hosts that joined stay"
              data={lives}
              w={170}
              allowDeselect={false}
              value={life}
              onChange={(v) => setLife(v ?? '86400')}
              error={fieldError(create.error, 'ttl_seconds') ?? fieldError(create.error, 'ttl')}
            />
            <Textarea
              label="Collector’s addresses"
              description="host:port, one a line; empty: as the collector is set"
              placeholder="picket.example.org:4601"
              autosize
              minRows={1}
              maxRows={8}
              miw={260}
              flex={1}
              value={addresses}
              onChange={(e) => setAddresses(e.currentTarget.value)}
              error={fieldError(create.error, 'addresses')}
            />
          </Group>
          <Checkbox
            label="A host that was enrolled before gets its former name back"
            checked={reinstall}
            onChange={(e) => setReinstall(e.currentTarget.checked)}
          />
          <FormError error={create.error} fields={['uses', 'ttl_seconds', 'ttl', 'addresses']} />
          <Group>
            <Button type="submit" loading={create.isPending}>
              Make a token
            </Button>
          </Group>
        </Stack>
      </form>
    </Paper>
  );
}
