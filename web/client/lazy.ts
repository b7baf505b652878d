// SPDX-License-Identifier: GPL-2.0-or-later
/** Scripts that are loaded when they are asked for. Plain scripts, because they work from the disk too. */
import type { Editor } from '../lazy/editor.ts';

export interface BookPage {
  readonly title: string;
  readonly parts: readonly ({ readonly html: string } | { readonly figure: string })[];
}

declare global {
  var pfnmapBook: Readonly<Record<string, BookPage>> | undefined;
  /** By function: file and line in each version that has it. Written by scripts/kernel-lines.mjs. */
  var pfnmapPlaces: Readonly<Record<string, { readonly [version: string]: string }>> | undefined;
  var pfnmapSources:
    | {
        readonly stories: readonly (readonly [path: string, text: string])[];
        readonly model: Readonly<Record<string, string>>;
      }
    | undefined;
  var pfnmapEditor: Editor | undefined;
}

const loading = new Map<string, Promise<void>>();

function load(name: string): Promise<void> {
  let script = loading.get(name);
  if (!script) {
    script = new Promise((done, fail) => {
      const element = document.createElement('script');
      element.src = `${name}.js`;
      element.onload = () => done();
      element.onerror = () => {
        loading.delete(name);
        fail(
          new Error(
            `${name}.js could not be loaded: it lies beside the page's other files; has the server gone?`,
          ),
        );
      };
      document.head.append(element);
    });
    loading.set(name, script);
  }
  return script;
}

export async function book(): Promise<Readonly<Record<string, BookPage>>> {
  await load('book');
  return globalThis.pfnmapBook ?? {};
}

export async function kernelPlaces(): Promise<NonNullable<typeof pfnmapPlaces>> {
  // A report that is one file has them inside.
  if (!globalThis.pfnmapPlaces) await load('places');
  return globalThis.pfnmapPlaces ?? {};
}

export async function sources(): Promise<NonNullable<typeof pfnmapSources>> {
  await load('sources');
  return globalThis.pfnmapSources ?? { stories: [], model: {} };
}

export async function editor(): Promise<Editor> {
  await load('editor');
  if (!globalThis.pfnmapEditor) throw new Error('editor.js brought no editor');
  return globalThis.pfnmapEditor;
}
