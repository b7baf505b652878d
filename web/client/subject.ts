// SPDX-License-Identifier: GPL-2.0-or-later
/** A subject, as the address of the page holds it: version, face, changed traits. */
import {
  type ConsumerTraits,
  type ExporterTraits,
  FOLLOWS_CORRECTLY,
  KEEPS_CONTRACT,
} from '../../src/contract/traits.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { formatFace, parseFace } from '../../src/report/address.ts';
import type { Face } from '../../src/scenarios/cell.ts';
import { CHOICES } from '../../src/scenarios/own.ts';
import type { Edits, Subject } from '../engine/protocol.ts';

export type Side = 'exporter' | 'consumer';
export type Value = string | boolean | number | readonly string[];

/** The traits that can be changed, each with the value that keeps the contract. */
export const TRAITS: Readonly<Record<Side, Readonly<Record<string, Value>>>> = {
  exporter: KEEPS_CONTRACT as unknown as Record<string, Value>,
  consumer: FOLLOWS_CORRECTLY as unknown as Record<string, Value>,
};

const PREFIX = { exporter: 'x.', consumer: 'c.' } as const;

export function valueText(value: Value): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return Array.isArray(value) ? value.join(',') || 'none' : String(value);
}

/** Reads a trait's value; undefined when it can have no such value. */
function readValue(key: string, text: string, good: Value): Value | undefined {
  const allowed = CHOICES[key];
  if (typeof good === 'boolean') {
    return text === 'yes' ? true : text === 'no' ? false : undefined;
  }
  if (Array.isArray(good)) {
    const values = text === 'none' ? [] : text.split(',');
    return values.every((v) => allowed?.includes(v)) ? values : undefined;
  }
  return allowed?.includes(text) ? text : undefined;
}

/** The changes in an address; what makes no sense is named in `wrong`. */
export function editsOf(query: URLSearchParams): { edits: Edits; wrong: string[] } {
  const wrong: string[] = [];
  const read = (side: Side) => {
    const out: Record<string, Value> = {};
    for (const [name, text] of query) {
      if (!name.startsWith(PREFIX[side])) continue;
      const key = name.slice(2);
      const good = TRAITS[side][key];
      const value = good === undefined ? undefined : readValue(key, text, good);
      if (value === undefined) wrong.push(`${side}: ${key} = ${text}`);
      else out[key] = value;
    }
    return out;
  };
  const edits = {
    exporter: read('exporter') as Partial<ExporterTraits>,
    consumer: read('consumer') as Partial<ConsumerTraits>,
  };
  return { edits, wrong };
}

export function editsQuery({ exporter, consumer }: Edits): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [k, v] of Object.entries(exporter)) out[`x.${k}`] = valueText(v as Value);
  for (const [k, v] of Object.entries(consumer)) out[`c.${k}`] = valueText(v as Value);
  return out;
}

export const faceText = formatFace;

export function faceOf(text: string | null): Face | null {
  const face = text ? parseFace(text) : null;
  return typeof face === 'string' ? null : face;
}

/** What a face explores, in words. */
export function faceWords(face: Face): string {
  const who =
    face.idle === 'user'
      ? ', the user idle'
      : face.idle === 'consumer'
        ? ', the consumer idle'
        : '';
  return `${face.way}${face.readOnly ? ', read-only mapping' : ''}${who}${face.touched ? ', pages touched before' : ''}`;
}

export function subjectOf(name: string, linux: LinuxVersion, query: URLSearchParams): Subject {
  return {
    name,
    linux,
    face: faceOf(query.get('face')),
    edits: editsOf(query).edits,
    without: query.get('without'),
  };
}

/** Traits may come from a report that anybody has written. */
const quoted = (text: unknown) =>
  `'${JSON.stringify(String(text)).slice(1, -1).replaceAll("'", "\\'")}'`;

/** What a trait is in TypeScript. */
const literal = (value: Value): string =>
  Array.isArray(value)
    ? `[${value.map(quoted).join(', ')}]`
    : typeof value === 'string'
      ? quoted(value)
      : String(value);

/** A driver as a file of one's own: what it is called, and where it differs from one that keeps the contract. */
export function asCode(traits: Readonly<Partial<Record<Side, object>>>): string {
  const sides = (['exporter', 'consumer'] as const).flatMap((side) => {
    const own = traits[side] as Readonly<Record<string, Value>> | undefined;
    if (!own) return [];
    const differs = Object.entries(TRAITS[side]).filter(
      ([key, good]) => own[key] !== undefined && valueText(own[key]) !== valueText(good),
    );
    const lines = differs.map(([key]) => `    ${key}: ${literal(own[key])},\n`);
    return [
      `  ${side}: {\n    id: ${quoted(`my-${String(own.id ?? 'driver').replace(/[^\w.-]/g, '-')}`)},\n${lines.join('')}  },\n`,
    ];
  });
  return `import { driver } from 'pfnmap';\n\nexport default driver({\n${sides.join('')}});\n`;
}
