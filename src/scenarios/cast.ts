// SPDX-License-Identifier: GPL-2.0-or-later
/** Who plays in stories: exporters and consumers by the names that the matrix has for them. */
import type { ConsumerTraits, ExporterTraits } from '../contract/traits.ts';
import { CONSUMERS } from '../kernel/consumers/index.ts';
import { EXPORTERS } from '../kernel/exporters/index.ts';

/** @throws Error when the matrix has no such exporter */
export function exporterOf(id: string): ExporterTraits {
  const found = EXPORTERS.find((e) => e.id === id);
  if (!found) throw new Error(`a story wants the exporter '${id}', and there is none`);
  return found;
}

/** @throws Error when the matrix has no such consumer */
export function consumerOf(id: string): ConsumerTraits {
  const found = CONSUMERS.find((c) => c.id === id);
  if (!found) throw new Error(`a story wants the consumer '${id}', and there is none`);
  return found;
}

/** An exporter as it is, but for what is said; it exists in the story only. */
export function like(
  id: string,
  name: string,
  but: Partial<Omit<ExporterTraits, 'id'>>,
): ExporterTraits {
  return { ...exporterOf(id), title: name, status: 'hypothetical', ...but, id: name };
}

/** A consumer as it is, but for what is said; it exists in the story only. */
export function consumerLike(
  id: string,
  name: string,
  but: Partial<Omit<ConsumerTraits, 'id'>>,
): ConsumerTraits {
  return { ...consumerOf(id), title: name, status: 'hypothetical', ...but, id: name };
}
