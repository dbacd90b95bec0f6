import { lazy, type Ref, Suspense, useCallback, useImperativeHandle, useLayoutEffect, useRef } from 'react';
import classes from './Explore.module.css';

export type EditorHandle = { focus: () => void; insert: (text: string) => void };

export type EditorProps = {
  label: string;
  value: string;
  onChange: (text: string) => void;
  onRun: () => void;
  /** The span whose labels are completed. */
  span: () => { from: number; to: number };
  wrong?: boolean;
  /** Whether to take the focus when it is there. */
  takesFocus?: () => boolean;
  ref?: Ref<EditorHandle>;
};

const CodeEditor = lazy(async () => {
  try {
    return { default: (await import('./editor/CodeEditor')).CodeEditor };
  } catch {
    return { default: PlainEditor }; // one can do without
  }
});

/** Edits a query: plainly while the better editor is on its way. Enter runs it, Shift+Enter begins a line. */
export function QueryEditor(props: EditorProps) {
  const hadFocus = useRef(false);
  const leave = useCallback((focused: boolean) => {
    hadFocus.current = focused;
  }, []);
  return (
    <div className={classes.editor} data-wrong={props.wrong || undefined}>
      <Suspense fallback={<PlainEditor {...props} onLeave={leave} />}>
        <CodeEditor {...props} takesFocus={() => hadFocus.current || (props.takesFocus?.() ?? false)} />
      </Suspense>
    </div>
  );
}

type PlainProps = EditorProps & { onLeave?: (focused: boolean) => void };

function PlainEditor({ label, value, onChange, onRun, wrong, ref, takesFocus, onLeave }: PlainProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const takes = useRef(takesFocus);
  useLayoutEffect(() => {
    const a = area.current;
    if (takes.current?.()) a?.focus();
    return () => onLeave?.(document.activeElement === a);
  }, [onLeave]);
  useImperativeHandle(
    ref,
    () => ({
      focus: () => area.current?.focus(),
      insert(text: string) {
        const a = area.current;
        if (!a) return;
        onChange(a.value.slice(0, a.selectionStart) + text + a.value.slice(a.selectionEnd));
        a.focus();
      },
    }),
    [onChange],
  );
  return (
    <textarea
      ref={area}
      className={classes.plain}
      aria-label={label}
      aria-invalid={wrong}
      value={value}
      rows={Math.max(1, value.split('\n').length)}
      spellCheck={false}
      onChange={(e) => onChange(e.currentTarget.value)}
      onKeyDown={(e) => {
        if (e.key === 'Escape') e.currentTarget.blur();
        if (e.key !== 'Enter' || e.shiftKey) return;
        e.preventDefault();
        onRun();
      }}
    />
  );
}
