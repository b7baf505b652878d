// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A driver or scenario in TypeScript, one's own or a story of the catalogue (`#/edit/kvm/...`): edited
 * here, run in the sandbox. What the page brings itself is run at once; other code when asked to.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import type { Scenario } from '../../src/scenarios/scenario.ts';
import { ownFileIn } from '../../src/scenarios/source.ts';
import { STARTER } from '../../src/scenarios/starter.ts';
import { type Channel, loadCode, showSubject } from '../client/engine.ts';
import { editor, sources } from '../client/lazy.ts';
import { pack, unpack } from '../client/pack.ts';
import { href, type Route, replaceWith } from '../client/route.ts';
import { ENDED, sandbox } from '../client/sandbox.ts';
import { type Loaded, NO_EDITS, type Shown } from '../engine/protocol.ts';
import { VerdictMark } from '../parts/verdict.tsx';
import { Show } from './show.tsx';

const EXAMPLE = STARTER.replace('FILE', 'my-driver.ts');

/** The file that a story of the catalogue is in, or null. */
const storyFile = async (name: string) => ownFileIn((await sources()).stories, name);

/** Whether a text is what the page has itself; if it cannot be told, it is not. */
const isStory = (name: string, text: string) =>
  storyFile(name).then(
    (own) => own === text,
    () => false,
  );

interface Outcome {
  readonly name: string;
  readonly title: string;
  readonly shown: Shown | null;
  readonly error: string;
}

export function Edit({ route, linux }: { route: Route; linux: LinuxVersion }) {
  const packed = route.query.get('code');
  const name = route.path.slice(1).join('/');
  const [code, setCode] = useState<string | null>(packed || name ? null : EXAMPLE);
  /** Code that came by a link is foreign until its reader says otherwise. */
  const [foreign, setForeign] = useState(packed !== null);
  const [said, setSaid] = useState<{ kind: 'error' | 'note'; text: string } | null>(null);
  const [outcomes, setOutcomes] = useState<readonly Outcome[]>([]);
  const [running, setRunning] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const channel = useRef<Channel | null>(null);
  const latest = useRef(code ?? '');

  const story = CATALOGUE.find((s) => s.id === name);
  useEffect(() => {
    document.title = `${story ? `Edit ${story.id}` : 'Write your own'} - pfnmap`;
    return () => channel.current?.fail(ENDED);
  }, []);
  const put = (text: string) => {
    latest.current = text;
    setCode(text);
  };
  const instead = (why: string) => {
    setSaid({ kind: 'error', text: why });
    setForeign(false);
    put(EXAMPLE);
  };
  useEffect(() => {
    let gone = false;
    if (packed) {
      unpack(packed).then(put, () =>
        instead('The code in this link cannot be read: part of it is missing.'),
      );
    } else if (name) {
      storyFile(name).then(
        (text) => {
          if (gone) return;
          if (text === null) return instead(`There is no story '${name}' to edit.`);
          put(text);
          void press.current();
        },
        (error: Error) => instead(error.message),
      );
    }
    return () => {
      gone = true;
    };
  }, []);

  const run = async () => {
    setForeign(false);
    setRunning(true);
    setOutcomes([]);
    setSaid({ kind: 'note', text: 'running' });
    channel.current?.fail(ENDED);
    const box = sandbox();
    channel.current = box;
    const mine = () => channel.current === box;
    try {
      const { compile } = await editor();
      const text = latest.current;
      // What the page has itself needs no copy in the link, and is not foreign to who opens it.
      const packed = name && (await isStory(name, text)) ? undefined : await pack(text);
      if (!mine()) return;
      replaceWith(href(route.path.join('/'), { ...Object.fromEntries(route.query), code: packed }));
      const compiled = compile(text);
      const loaded = await loadCode(compiled, linux, {}, box);
      await explore(loaded, box, mine);
    } catch (error) {
      if (mine())
        setSaid({ kind: 'error', text: error instanceof Error ? error.message : String(error) });
    }
    if (mine()) setRunning(false);
  };

  const explore = async ({ subjects }: Loaded, box: Channel, mine: () => boolean) => {
    for (const [i, { name, title }] of subjects.entries()) {
      if (!mine()) return;
      setSaid({ kind: 'note', text: `${i} of ${subjects.length} explored` });
      const subject = { name, linux, face: null, edits: NO_EDITS, without: null };
      const shown = await showSubject(subject, null, {}, box);
      if (!mine()) return;
      setOutcomes((all) => [...all, { name, title, shown, error: '' }]);
    }
    const n = subjects.length;
    setSaid({ kind: 'note', text: n === 1 ? 'explored' : `all ${n} explored` });
  };
  const press = useRef(run);
  press.current = run;
  // What was explored holds for one version.
  const explored = useRef(linux);
  useEffect(() => {
    if (explored.current === linux) return;
    explored.current = linux;
    if (channel.current) void press.current();
  }, [linux]);

  // The editor comes once there is code to put into it, and not before foreign code was agreed to.
  useEffect(() => {
    if (code === null || !box.current) return;
    let unmount: (() => void) | null = null;
    let gone = false;
    editor().then(
      ({ mount }) => {
        if (gone || !box.current) return;
        unmount = mount({
          into: box.current,
          code,
          onChange: (text) => {
            latest.current = text;
          },
          onRun: () => void press.current(),
        });
      },
      (error: Error) => setSaid({ kind: 'error', text: error.message }),
    );
    return () => {
      gone = true;
      unmount?.();
    };
  }, [code]);

  const own = outcomes.find((o) => o.name === name);
  return (
    <>
      <main id="content" class="page edit" tabIndex={-1}>
        {story ? <StoryLead story={story} /> : <OwnLead />}
        {foreign && (
          <p class="foreign" role="alert">
            This code came with the link. It has not been run. Read it first; running it cannot
            reach the network, your files or this page.
          </p>
        )}
        <p class="bar">
          <button type="button" class="main" onClick={run} disabled={code === null}>
            {foreign ? 'I have read it: run it' : 'Run'}
          </button>{' '}
          {running && (
            <button
              type="button"
              onClick={() => {
                channel.current?.fail(ENDED);
                channel.current = null;
                setRunning(false);
                setSaid({ kind: 'note', text: 'stopped' });
              }}
            >
              Stop
            </button>
          )}{' '}
          <span class="soft">
            Ctrl-Enter runs; Escape, then Tab leaves the editor. Running puts the code into the
            link.
          </span>
        </p>
        <div class="editor" ref={box} />
        {said && (
          <p
            class={said.kind === 'error' ? 'error said' : 'soft said'}
            role={said.kind === 'error' ? 'alert' : 'status'}
          >
            {said.text}
          </p>
        )}
        {outcomes.length > 0 && (
          <ul class="outcomes">
            {outcomes.map((o) => (
              <li key={o.name}>
                <a
                  href={href(`edit/${o.name}`, {
                    linux: linux === '6.12' ? undefined : linux,
                    code: route.query.get('code') ?? undefined,
                  })}
                  aria-current={o.name === name ? 'true' : undefined}
                >
                  {o.name}
                </a>{' '}
                {o.shown?.result && (
                  <>
                    <VerdictMark verdict={o.shown.result.verdict} />{' '}
                    {o.shown.result.rules.join(', ')}
                  </>
                )}
              </li>
            ))}
          </ul>
        )}
      </main>
      {own && channel.current && (
        <Show
          name={own.name}
          route={route}
          linux={linux}
          channel={channel.current}
          base="edit"
          key={own.name}
        />
      )}
    </>
  );
}

function OwnLead() {
  return (
    <>
      <h1>Write your own</h1>
      <p class="soft lead">
        Describe your driver by how it differs from one that keeps the contract, and it meets
        everybody; or write a scenario with threads of your own. The code runs in a sandbox that
        reaches nothing, and stays in this page;{' '}
        <a href="#/book/limits">what the model does not say</a>.
      </p>
    </>
  );
}

function StoryLead({ story: { id, title } }: { story: Scenario }) {
  return (
    <>
      <h1>
        Edit <code>{id}</code>
      </h1>
      <p class="soft lead">
        The file of <a href={href(`show/${id}`)}>the story</a> “{title}” and of its variants. Change
        anything and run it: the code runs in a sandbox that reaches nothing, and{' '}
        <code>pfnmap explore FILE.ts</code> runs it as well.
      </p>
    </>
  );
}
