import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

const picket: MantineColorsTuple = [
  '#e6f7f5',
  '#d2ebe8',
  '#a6d7d1',
  '#76c2b9',
  '#4fb0a5',
  '#36a599',
  '#279f92',
  '#14796f',
  '#0b6b62',
  '#005a52',
];

export const theme = createTheme({
  colors: { picket },
  primaryColor: 'picket',
  primaryShade: { light: 8, dark: 8 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  defaultRadius: 'sm',
  cursorType: 'pointer',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontWeight: '650' },
  components: {
    Anchor: { defaultProps: { underline: 'hover' } },
    // What scrolls must be reached by keyboard.
    TableScrollContainer: { defaultProps: { scrollAreaProps: { viewportProps: { tabIndex: 0 } } } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true, multiline: true, maw: 360 } },
  },
});

/** Colours that Mantine's defaults leave below the contrast that WCAG AA asks for. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#566069',
    '--mantine-color-placeholder': '#69737c',
    '--mantine-color-error': '#c02a2a',
    '--mantine-color-anchor': '#0b6b62',
  },
  dark: {
    '--mantine-color-dimmed': '#a6adb5',
    '--mantine-color-placeholder': '#98a0a8',
    '--mantine-color-error': '#ff9b9b',
    '--mantine-color-anchor': '#63d5c5',
  },
});
