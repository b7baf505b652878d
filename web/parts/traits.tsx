// SPDX-License-Identifier: GPL-2.0-or-later
/** An exporter's or a consumer's traits as switches; a change explores anew. */
import { CHOICES } from '../../src/scenarios/own.ts';
import { type Side, TRAITS, type Value, valueText } from '../client/subject.ts';

interface Props {
  readonly side: Side;
  /** As they are now, changes included. */
  readonly traits: Readonly<Record<string, unknown>>;
  readonly changed: Readonly<Record<string, unknown>>;
  /** `undefined` takes a change back. */
  readonly change: (key: string, value: Value | undefined) => void;
}

/** `zapOffsetMatches` reads as `zap offset matches`. */
const words = (key: string) => key.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`);

export function Traits({ side, traits, changed, change }: Props) {
  const good = TRAITS[side];
  const { id, title, source, status } = traits as Record<string, string>;
  return (
    <fieldset class="traits">
      <legend>
        {side} <code>{id}</code>
      </legend>
      <p class="soft">
        {title} ({status}; {source})
      </p>
      <div class="list">
        {Object.entries(good)
          .filter(
            ([key, value]) =>
              typeof value !== 'number' && (CHOICES[key] || typeof value === 'boolean'),
          )
          .map(([key, keeps]) => {
            const value = (traits[key] ?? keeps) as Value;
            const differs = valueText(value) !== valueText(keeps);
            return (
              <div
                key={key}
                class={`trait${differs ? ' differs' : ''}${key in changed ? ' edited' : ''}`}
              >
                <Switch side={side} name={key} value={value} keeps={keeps} change={change} />
                {key in changed && (
                  <button
                    type="button"
                    class="back"
                    aria-label={`Take the change of ${words(key)} back`}
                    onClick={() => change(key, undefined)}
                  >
                    ↶
                  </button>
                )}
              </div>
            );
          })}
      </div>
    </fieldset>
  );
}

interface SwitchProps {
  readonly side: Side;
  readonly name: string;
  readonly value: Value;
  readonly keeps: Value;
  readonly change: Props['change'];
}

function Switch({ side, name, value, keeps, change }: SwitchProps) {
  const id = `${side}-${name}`;
  if (typeof keeps === 'boolean') {
    return (
      <label for={id}>
        <input
          id={id}
          type="checkbox"
          checked={value === true}
          onChange={(e) => change(name, e.currentTarget.checked)}
        />{' '}
        {words(name)}
      </label>
    );
  }
  const all = CHOICES[name] ?? [];
  if (Array.isArray(keeps)) {
    const has = value as readonly string[];
    return (
      <fieldset class="several">
        <legend>{words(name)}</legend>
        {all.map((one) => (
          <label key={one}>
            <input
              type="checkbox"
              checked={has.includes(one)}
              onChange={(e) =>
                change(name, e.currentTarget.checked ? [...has, one] : has.filter((h) => h !== one))
              }
            />{' '}
            {one}
          </label>
        ))}
      </fieldset>
    );
  }
  return (
    <>
      <label class="name" for={id}>
        {words(name)}
      </label>
      <select id={id} value={String(value)} onChange={(e) => change(name, e.currentTarget.value)}>
        {all.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </>
  );
}
