// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Finds anything by name: opened with `/`, moved in with the arrows, left with Escape. Its field is there
 * before it is opened: a key that follows the `/` at once is the first letter of what is looked for.
 */
import type { RefObject } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { find, placesOf } from '../client/places.ts';
import { go } from '../client/route.ts';

/** An input without a list of its own is a text box by itself; this one has the list below. */
const COMBOBOX = {
  role: 'combobox',
  list: undefined,
  'aria-expanded': true,
  'aria-controls': 'found',
} as const;

interface Props {
  readonly linux: LinuxVersion;
  /** What its owner opens. */
  readonly dialog: RefObject<HTMLDialogElement | null>;
  readonly open: boolean;
  /** Called when it has been closed, however. */
  readonly closed: () => void;
}

export function Finder({ linux, dialog, open, closed }: Props) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const places = useMemo(() => (open ? placesOf(linux) : []), [linux, open]);
  const found = find(places, text);
  const leave = () => {
    setText('');
    setAt(0);
    closed();
  };
  const take = (i: number) => {
    const place = found[i];
    if (!place) return;
    dialog.current?.close();
    leave();
    go(place.to);
  };
  return (
    <dialog
      ref={dialog}
      class="finder"
      onCancel={leave}
      onClose={() => {
        // It is told late: by now it may have been opened again.
        if (!dialog.current?.open) leave();
      }}
      aria-label="Find"
    >
      <input
        type="text"
        {...COMBOBOX}
        {...(found.length ? { 'aria-activedescendant': `found-${at}` } : {})}
        aria-label="Rule, scenario, system, or exporter/consumer"
        placeholder="rule, scenario, system, exporter/consumer"
        value={text}
        onInput={(e) => {
          setText(e.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(e) => {
          if (e.key === 'ArrowDown') setAt(Math.min(at + 1, found.length - 1));
          else if (e.key === 'ArrowUp') setAt(Math.max(at - 1, 0));
          else if (e.key === 'Enter') take(at);
          else return;
          e.preventDefault();
        }}
      />
      <div id="found" role="listbox" aria-label="Found" tabIndex={-1}>
        {found.map((p, i) => (
          <div key={p.to} id={`found-${i}`} role="option" tabIndex={-1} aria-selected={i === at}>
            <a
              href={p.to}
              tabIndex={-1}
              onClick={(e) => {
                e.preventDefault();
                take(i);
              }}
            >
              <b>{p.name}</b> <span>{p.what}</span>
            </a>
          </div>
        ))}
      </div>
      <p class="hint" role="status">
        {found.length || !open
          ? 'Arrows choose, Enter opens, Escape closes.'
          : `Nothing is called “${text}”.`}
      </p>
    </dialog>
  );
}
