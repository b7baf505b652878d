// SPDX-License-Identifier: GPL-2.0-or-later
/** Everything that has a page of its own, to be found by name. */
import { RULES } from '../../src/contract/rules.ts';
import { SYSTEMS } from '../../src/contract/words.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { matrixCells } from '../../src/scenarios/matrix.ts';
import { href } from './route.ts';

export interface Place {
  readonly kind: 'scenario' | 'cell' | 'rule' | 'system' | 'page';
  readonly name: string;
  readonly what: string;
  readonly to: string;
}

export function placesOf(linux: LinuxVersion): Place[] {
  const keep = { linux: linux === '6.12' ? undefined : linux };
  const at = (path: string) => href(path, keep);
  return [
    ...RULES.map(
      (r): Place => ({
        kind: 'rule',
        name: `${r.id} ${r.name}`,
        what: r.statement,
        to: at(`rules/${r.id}`),
      }),
    ),
    ...CATALOGUE.map(
      (s): Place => ({ kind: 'scenario', name: s.id, what: s.title, to: at(`show/${s.id}`) }),
    ),
    ...SYSTEMS.map(
      (s): Place => ({
        kind: 'system',
        name: `${s.id} ${s.name}`,
        what: s.what,
        to: at(`systems/${s.id}`),
      }),
    ),
    {
      kind: 'page',
      name: 'ten-minute tour',
      what: 'from a page-table entry to a lost write',
      to: at('tour'),
    },
    { kind: 'page', name: 'glossary', what: 'the words of the field', to: at('glossary') },
    ...matrixCells().map(
      (c): Place => ({
        kind: 'cell',
        name: c.id,
        what: `${c.exporter.title} met by ${c.consumer.title}`,
        to: at(`show/${c.id}`),
      }),
    ),
  ];
}

/** The places that a text finds: those whose name begins with it first. */
export function find(places: readonly Place[], text: string, most = 12): Place[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const rank = ({ name, what }: Place) => {
    const n = name.toLowerCase();
    if (!words.every((w) => n.includes(w) || what.toLowerCase().includes(w))) return null;
    return n.startsWith(words[0] ?? '') ? 0 : words.every((w) => n.includes(w)) ? 1 : 2;
  };
  return places
    .flatMap((place) => {
      const r = rank(place);
      return r === null ? [] : [{ place, r }];
    })
    .sort((a, b) => a.r - b.r)
    .slice(0, most)
    .map(({ place }) => place);
}
