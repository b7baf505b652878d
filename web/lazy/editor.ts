// SPDX-License-Identifier: GPL-2.0-or-later
/** The editor and what takes the types out of TypeScript: a script of its own, loaded when asked for. */
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { javascript } from '@codemirror/lang-javascript';
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  syntaxHighlighting,
} from '@codemirror/language';
import { EditorState } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { transform } from 'sucrase';

export interface Editor {
  /** Puts an editor into an element; returns what removes it. */
  mount(options: MountOptions): () => void;
  /** JavaScript that asks for its imports with `require`; throws with line and column. */
  compile(code: string): string;
}

export interface MountOptions {
  readonly into: HTMLElement;
  readonly code: string;
  readonly onChange: (code: string) => void;
  readonly onRun: () => void;
}

const style = HighlightStyle.define([
  { tag: tags.comment, color: 'var(--soft)', fontStyle: 'italic' },
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--on-safe)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--link)' },
]);

const theme = EditorView.theme({
  '&': { color: 'var(--ink)', backgroundColor: 'var(--raised)', fontSize: '13px' },
  '&.cm-focused': { outline: '2px solid var(--link)' },
  '.cm-content': { fontFamily: 'var(--mono)', caretColor: 'var(--ink)' },
  '.cm-gutters': { backgroundColor: 'var(--sunk)', color: 'var(--soft)', border: 'none' },
  '.cm-activeLine': { backgroundColor: 'transparent', boxShadow: 'inset 2px 0 0 var(--line)' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
    { backgroundColor: 'var(--mark)' },
  '.cm-content, .cm-gutter': { minHeight: '22rem' },
});

function mount({ into, code, onChange, onRun }: MountOptions): () => void {
  // In a shadow tree the editor's styles are sheets, which the page's policy allows; elements it does not.
  const root = into.shadowRoot ?? into.attachShadow({ mode: 'open' });
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: code,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        highlightActiveLine(),
        EditorView.lineWrapping,
        javascript({ typescript: true }),
        syntaxHighlighting(style),
        theme,
        keymap.of([
          {
            key: 'Mod-Enter',
            run: () => {
              onRun();
              return true;
            },
          },
          // Escape, then Tab, leaves the editor.
          indentWithTab,
          ...defaultKeymap,
          ...historyKeymap,
        ]),
        EditorView.contentAttributes.of({ 'aria-label': 'Code of the scenario, in TypeScript' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return () => view.destroy();
}

function compile(code: string): string {
  return transform(code, {
    transforms: ['typescript', 'imports'],
    filePath: 'own.ts',
    production: true,
    disableESTransforms: true,
  }).code;
}

globalThis.pfnmapEditor = { mount, compile };
