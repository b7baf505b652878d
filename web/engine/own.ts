// SPDX-License-Identifier: GPL-2.0-or-later
/** Code of one's own, run in the sandbox's worker only: loads it, checks what it exports. */

import { withoutHiddenInput } from '../../src/explore/forbid.ts';
import * as library from '../../src/index.ts';
import { CONSUMERS } from '../../src/kernel/consumers/index.ts';
import { EXPORTERS } from '../../src/kernel/exporters/index.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { nearest } from '../../src/scenarios/nearest.ts';
import { checked, HINT, OwnError } from '../../src/scenarios/own.ts';
import type { Running } from './jobs.ts';
import type { Loaded } from './protocol.ts';
import { ofCell, ofScenario, own, type Resolved } from './subject.ts';

/** Given to the code as `require('pfnmap')`; asking for what there is not says what there is. */
const offered = new Proxy<Record<string, unknown>>(library as Record<string, unknown>, {
  get(target, name) {
    if (typeof name === 'symbol' || name in target || name === '__esModule') {
      return Reflect.get(target, name);
    }
    const near = nearest(name, Object.keys(target));
    throw new OwnError(`pfnmap exports no '${name}'${near ? `: did you mean '${near}'?` : ''}`);
  },
});

function required(name: string): unknown {
  if (name === 'pfnmap') return offered;
  throw new OwnError(`there is no '${name}' here: code in the page imports from 'pfnmap' only`);
}

type Program = (require: typeof required, exports: Record<string, unknown>) => void;

/** The code as a function; its lines keep their numbers, so that messages name them. */
function compiled(code: string): Program {
  const scope = globalThis as unknown as { importScripts(url: string): void; ownProgram?: Program };
  const text = `self.ownProgram=function(require,exports){${code}\n}\n//# sourceURL=own.ts`;
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  try {
    scope.importScripts(url);
  } finally {
    URL.revokeObjectURL(url);
  }
  if (!scope.ownProgram) throw new OwnError('the code could not be read');
  return scope.ownProgram;
}

/** The first line of a stack that is in the code. */
function lineOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return /own\.ts:\d+/.exec(stack)?.[0] ?? '';
}

export function* load(code: string, linux: LinuxVersion): Running<Loaded> {
  const exports: Record<string, unknown> = {};
  let one: unknown;
  try {
    const program = compiled(code);
    withoutHiddenInput(() => program(required, exports));
    one = exports.default;
  } catch (error) {
    if (error instanceof OwnError || (error as Error).name === 'ProgramError') throw error;
    const line = lineOf(error);
    throw new OwnError(`${line ? `${line}: ` : ''}${error}`);
  }
  if (one === undefined) {
    const names = Object.keys(exports).filter((n) => n !== '__esModule');
    const has = names.length
      ? `it exports ${names.join(', ')}, but nothing by default`
      : 'it exports nothing';
    throw new OwnError(`${has}. ${HINT}`);
  }
  const all: unknown[] = Array.isArray(one) ? one : [one];
  if (!all.length) throw new OwnError(`its default export is an empty list. ${HINT}`);
  own.clear();
  const subjects: { name: string; title: string }[] = [];
  const add = (found: Resolved) => {
    const { name, title } = found.about;
    own.set(name, found);
    subjects.push({ name, title });
  };
  for (const exported of all.map((e) => checked(e, linux))) {
    if (!('kind' in exported)) {
      add(ofScenario({ ...exported, status: 'own' }));
      continue;
    }
    const { exporter, consumer } = exported;
    if (exporter && consumer) add(ofCell(exporter, consumer));
    if (exporter) for (const c of CONSUMERS) add(ofCell(exporter, c));
    if (consumer) for (const e of EXPORTERS) add(ofCell(e, consumer));
  }
  yield { states: 0 };
  return { subjects };
}
