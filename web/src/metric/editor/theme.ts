import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

/** Light and dark in one: the browser chooses by the page's colour scheme. All text has a contrast of 4.5 or more. */
const color = (light: string, dark: string) => `light-dark(${light}, ${dark})`;

const chosen = {
  backgroundColor: color('#d2ebe8', '#0b3f3a'),
  color: 'var(--mantine-color-text)',
};

export const theme = EditorView.theme({
  '&': { fontSize: '13px', color: 'var(--mantine-color-text)', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mantine-font-family-monospace)', lineHeight: '20px', maxHeight: '220px' },
  '.cm-content': { padding: '6px 0', caretColor: 'var(--mantine-color-text)' },
  '.cm-line': { padding: '0 8px' },
  '.cm-cursor': { borderLeftColor: 'var(--mantine-color-text)' },
  '.cm-placeholder': { color: 'var(--mantine-color-placeholder)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: color('#cfe0ff', '#2c4a7a'),
  },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: color('#c8ebe6', '#14564e'), outline: 'none' },
  '&.cm-focused .cm-nonmatchingBracket': { backgroundColor: color('#ffd6d6', '#6b2020') },
  '.cm-tooltip': {
    backgroundColor: 'var(--mantine-color-body)',
    color: 'var(--mantine-color-text)',
    border: '1px solid var(--mantine-color-default-border)',
    borderRadius: '4px',
    boxShadow: 'var(--mantine-shadow-md)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': {
    fontFamily: 'var(--mantine-font-family-monospace)',
    fontSize: '12px',
    maxHeight: '280px',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px', lineHeight: '18px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': chosen,
  '.cm-tooltip-autocomplete-disabled.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': chosen,
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-completionDetail': {
    color: 'var(--mantine-color-dimmed)',
    fontStyle: 'normal',
    marginLeft: '12px',
    fontSize: '11px',
  },
  '.cm-tooltip.cm-completionInfo': {
    padding: '6px 8px',
    fontSize: '12px',
    maxWidth: '360px',
    fontFamily: 'var(--mantine-font-family)',
  },
  '.cm-diagnostic': { padding: '4px 8px', fontSize: '12px', fontFamily: 'var(--mantine-font-family)' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--mantine-color-error)' },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--mantine-color-error)',
    textUnderlineOffset: '4px',
  },
});

export const highlighting = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.name, color: 'var(--mantine-color-text)' },
    { tag: [tags.number, tags.atom], color: color('#0a6138', '#8fd6a8') },
    { tag: tags.string, color: color('#a02020', '#ffab9a') },
    { tag: [tags.keyword, tags.function(tags.variableName)], color: color('#00558f', '#7cc4ff') },
    { tag: tags.operator, color: color('#5a4a00', '#e6d27a') },
    { tag: tags.modifier, color: color('#00558f', '#7cc4ff') },
    { tag: tags.labelName, color: color('#7a2a7a', '#e8a8e8') },
    { tag: tags.comment, color: color('#566069', '#a6adb5'), fontStyle: 'italic' },
    { tag: tags.invalid, color: 'var(--mantine-color-error)' },
    { tag: [tags.bracket, tags.separator], color: 'var(--mantine-color-text)' },
  ]),
);
