// SPDX-License-Identifier: GPL-2.0-or-later
/** Code as it stands in the repository: a story's, and the model's at a step. */
import { useEffect, useState } from 'preact/hooks';
import { sourceIn } from '../../src/scenarios/source.ts';
import { sources } from '../client/lazy.ts';
import { excerptOf } from '../client/model.ts';
import type { StepView } from '../engine/protocol.ts';

type Sources = Awaited<ReturnType<typeof sources>>;

/** Loads the texts once they are wanted. */
function useSources(wanted: boolean): Sources | null {
  const [texts, setTexts] = useState<Sources | null>(null);
  useEffect(() => {
    if (!wanted) return;
    sources().then(setTexts, () => setTexts({ stories: [], model: {} }));
  }, [wanted]);
  return texts;
}

function Text({ name, code }: { name: string; code: string }) {
  return (
    <figure class="code">
      <figcaption>{name}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>{code}</pre>
    </figure>
  );
}

/** The model's routine that makes a step. */
export function ModelCode({ step }: { step: StepView | null }) {
  const [open, setOpen] = useState(false);
  const texts = useSources(open);
  const found = texts && step ? excerptOf(step, texts.model) : null;
  return (
    <details class="model" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>The model’s code at this step</summary>
      {found ? (
        <Text name={`${found.path}:${found.line}`} code={found.code} />
      ) : (
        texts && (
          <p class="soft">
            {step ? 'This step belongs to the story itself.' : 'Before the first step.'}
          </p>
        )
      )}
    </details>
  );
}

/** The story as its author wrote it. */
export function StoryCode({ name }: { name: string }) {
  const [open, setOpen] = useState(false);
  const texts = useSources(open);
  const found = texts && sourceIn(texts.stories, name);
  return (
    <details class="model" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>The story’s code</summary>
      {found && <Text name={found.path} code={found.code} />}
    </details>
  );
}
