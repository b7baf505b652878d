// SPDX-License-Identifier: GPL-2.0-or-later
/** Copies an interleaving: as text for a mail, Markdown, SVG, PNG, JSON, as a command, as a link. */
import { useState } from 'preact/hooks';
import { isDark } from '../client/settings.ts';
import type { Shown, Trace } from '../engine/protocol.ts';

type Form = 'link' | 'text' | 'Markdown' | 'SVG' | 'PNG' | 'JSON' | 'command';

interface Props {
  readonly trace: Trace | null;
  readonly about: Shown['about'];
  readonly address: string;
  readonly json: unknown;
}

export function Share({ trace, about, address, json }: Props) {
  const [said, setSaid] = useState('');
  const [shown, setShown] = useState<string | null>(null);
  const forms: Form[] = [
    'link',
    ...(trace ? (['text', 'Markdown', 'SVG', 'PNG'] as const) : []),
    'JSON',
    ...(address ? (['command'] as const) : []),
  ];
  const copy = async (form: Form) => {
    setShown(null);
    const text = () => formed(form, { trace, about, address, json });
    try {
      if (form === 'PNG' && trace) {
        // The promise goes into the item, so that the press still counts when the picture is ready.
        const png = picture(isDark() ? trace.dark : trace.light);
        await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);
      } else await navigator.clipboard.writeText(text());
      setSaid(`${form} copied`);
    } catch {
      if (form === 'PNG' && trace) {
        save(
          await picture(isDark() ? trace.dark : trace.light),
          `${about.name.replace('/', '-')}.png`,
        );
        setSaid('PNG saved: this browser lets no page copy it');
      } else {
        setShown(text());
        setSaid('This browser lets no page copy: take it from here');
      }
    }
  };
  return (
    <div class="share">
      <fieldset class="forms">
        <legend>Copy</legend>
        {forms.map((form) => (
          <button
            key={form}
            type="button"
            onClick={() => copy(form)}
            aria-label={`Copy as ${form}`}
          >
            {form}
          </button>
        ))}
      </fieldset>
      <span class="said" role="status">
        {said}
      </span>
      {shown !== null && <textarea aria-label="To copy" readOnly value={shown} rows={8} />}
    </div>
  );
}

function formed(form: Form, { trace, about, address, json }: Props): string {
  switch (form) {
    case 'text':
      return trace?.ladder ?? '';
    case 'Markdown': {
      const head = `**${about.name}**: ${about.title}`;
      const link = `[Step through it](${location.href})`;
      return `${head}\n\n\`\`\`\n${trace?.ladder.trimEnd()}\n\`\`\`\n\n${link}\n`;
    }
    case 'SVG':
      return trace?.light ?? '';
    case 'JSON':
      return JSON.stringify(json, null, 1);
    case 'command':
      return `pfnmap replay ${address}`;
    default:
      return location.href;
  }
}

/** Draws an SVG, twice as large for sharp text. */
async function picture(svg: string): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth * 2;
  canvas.height = image.naturalHeight * 2;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no canvas');
  context.scale(2, 2);
  context.drawImage(image, 0, 0);
  return new Promise((done, fail) =>
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('no picture')))),
  );
}

export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
