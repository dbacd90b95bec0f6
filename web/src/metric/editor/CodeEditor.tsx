import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  completionStatus,
  selectedCompletion,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from '@codemirror/commands';
import { bracketMatching } from '@codemirror/language';
import { type Diagnostic, linter } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { drawSelection, EditorView, keymap, placeholder } from '@codemirror/view';
import { LanguageType, promQLLanguage } from '@prometheus-io/codemirror-promql';
import { useEffect, useImperativeHandle, useRef } from 'react';
import { findMistake } from '../promql';
import type { EditorProps } from '../QueryEditor';
import { CompletionClient } from './client';
import { Completer } from './complete';
import { highlighting, theme } from './theme';

/** An editor that knows PromQL. */
export function CodeEditor(props: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    if (!host.current) return;
    const now = latest.current;
    const v = new EditorView({
      parent: host.current,
      state: EditorState.create({ doc: now.value, extensions: extensions(() => latest.current) }),
    });
    v.dispatch({ selection: { anchor: v.state.doc.length } });
    if (now.takesFocus?.()) v.focus();
    view.current = v;
    return () => {
      view.current = null;
      v.destroy();
    };
  }, []);

  useEffect(() => {
    const v = view.current;
    if (!v || v.state.doc.toString() === props.value) return;
    v.dispatch({
      changes: { from: 0, to: v.state.doc.length, insert: props.value },
      selection: { anchor: props.value.length },
    });
  }, [props.value]);

  useImperativeHandle(
    props.ref,
    () => ({
      focus: () => view.current?.focus(),
      insert(text: string) {
        const v = view.current;
        if (!v) return;
        v.dispatch(v.state.replaceSelection(text));
        v.focus();
      },
    }),
    [],
  );

  return <div ref={host} />;
}

function extensions(props: () => EditorProps) {
  const language = promQLLanguage(LanguageType.PromQL);
  const completer = new Completer(new CompletionClient(() => props().span()));
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
  const run = () => {
    props().onRun();
    return true;
  };
  return [
    EditorView.cspNonce.of(nonce),
    EditorView.contentAttributes.of({ 'aria-label': props().label, 'aria-multiline': 'true', spellcheck: 'false' }),
    EditorView.lineWrapping,
    EditorView.updateListener.of((u) => {
      if (u.docChanged) props().onChange(u.state.doc.toString());
    }),
    placeholder('A metric’s name or an expression, e.g. rate(node_cpu_seconds_total[5m])'),
    drawSelection(),
    history(),
    bracketMatching(),
    closeBrackets(),
    language,
    language.data.of({ autocomplete: completer.promQL.bind(completer) }),
    autocompletion({ activateOnTypingDelay: 60, maxRenderedOptions: 100, icons: false }),
    linter(diagnose, { delay: 400 }),
    theme,
    highlighting,
    Prec.highest(
      keymap.of([
        { key: 'Escape', run: leave },
        { key: 'Tab', run: acceptCompletion },
        { key: 'Enter', run: (v) => (!isTyped(v) && acceptCompletion(v)) || run(), shift: insertNewlineAndIndent },
        { key: 'Mod-Enter', run },
      ]),
    ),
    keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
  ];
}

/** Leaves the editor, unless a list of completions is open, which is closed first. */
function leave(v: EditorView): boolean {
  if (completionStatus(v.state) === 'active') return false;
  v.contentDOM.blur();
  return true;
}

/** Whether the proposal that is chosen stands there already. */
function isTyped(v: EditorView): boolean {
  const chosen = selectedCompletion(v.state)?.label;
  const { head } = v.state.selection.main;
  return chosen !== undefined && v.state.sliceDoc(0, head).match(/[\w:.]*$/)?.[0] === chosen;
}

async function diagnose(v: EditorView): Promise<Diagnostic[]> {
  const query = v.state.doc.toString();
  if (!query.trim()) return [];
  try {
    const mistake = await findMistake(query);
    return mistake ? [{ ...mistake, severity: 'error' }] : [];
  } catch {
    return []; // the collector is away; running the query says so
  }
}
