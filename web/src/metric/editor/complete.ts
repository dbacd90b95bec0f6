import type { CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import type { CompleteStrategy } from '@prometheus-io/codemirror-promql/dist/esm/complete';
import { HybridComplete } from '@prometheus-io/codemirror-promql/dist/esm/complete/hybrid';
import type { CompletionClient } from './client';

/** Completes PromQL. What the collector bounded is asked again with each letter, everything else is narrowed down here. */
export class Completer implements CompleteStrategy {
  private readonly hybrid: HybridComplete;

  constructor(private readonly client: CompletionClient) {
    this.hybrid = new HybridComplete(client);
  }

  async promQL(context: CompletionContext): Promise<CompletionResult | null> {
    const before = context.state.sliceDoc(Math.max(0, context.pos - 200), context.pos);
    this.client.typed = /[a-zA-Z0-9_:.]*$/.exec(before)?.[0] ?? '';
    const inString = /[=~]\s*"([^"]*)$/.exec(before)?.[1];
    if (inString !== undefined) this.client.typed = inString;
    try {
      const result = await this.hybrid.promQL(context);
      // What fits equally well stays in the order that the collector found best.
      const options = result?.options.map((o, i) => (o.type === 'constant' ? { ...o, boost: -i / 1000 } : o));
      return result && { ...result, options: options ?? [], validFor: undefined };
    } catch {
      // Whoever types is not told that a proposal could not be had; running the query tells what is wrong.
      return null;
    }
  }
}
