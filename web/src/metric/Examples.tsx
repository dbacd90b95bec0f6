import { Text, UnstyledButton } from '@mantine/core';
import classes from './Explore.module.css';
import { examples } from './examples';

/** What one can ask, for who begins. */
export function Examples({ choose }: { choose: (query: string) => void }) {
  return (
    <section aria-labelledby="examples">
      <Text id="examples" component="h2" fw={600} m={0} mb={4}>
        Begin with an example
      </Text>
      <Text size="sm" c="dimmed" mb="sm">
        Or find a metric with the key m, or write a query: the language is PromQL, names are proposed while you type.
      </Text>
      <div className={classes.examples}>
        {examples.map(({ title, query }) => (
          <UnstyledButton key={title} className={classes.example} onClick={() => choose(query)}>
            <Text size="sm" fw={600}>
              {title}
            </Text>
            <span className={classes.code}>{query}</span>
          </UnstyledButton>
        ))}
      </div>
    </section>
  );
}
