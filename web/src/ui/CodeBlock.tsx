import { Box } from '@mantine/core';
import classes from './CodeBlock.module.css';
import { Copy } from './Copy';

/** Lines to copy, as they are. */
export function CodeBlock({ text, label, wrap }: { text: string; label: string; wrap?: boolean }) {
  return (
    <Box className={classes.block}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard. */}
      <pre className={classes.text} data-wrap={wrap || undefined} tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      <Box className={classes.copy}>
        <Copy value={text} label={`Copy: ${label}`} />
      </Box>
    </Box>
  );
}
