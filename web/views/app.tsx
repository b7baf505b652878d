// SPDX-License-Identifier: GPL-2.0-or-later
/** The frame of the page: name, places to go, find, version of Linux, light or dark. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { RULES } from '../../src/contract/rules.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { acceptDrops } from '../client/dropped.ts';
import { typing } from '../client/keys.ts';
import { go, href, parseHash, type Route, useRoute } from '../client/route.ts';
import { applyTheme, chosenTheme, isDark } from '../client/settings.ts';
import { Boundary } from '../parts/boundary.tsx';
import { Finder } from '../parts/finder.tsx';
import { Contents, RulePage, TextPage } from './book.tsx';
import { Edit } from './edit.tsx';
import { Matrix } from './matrix.tsx';
import { hasReport, Report } from './report.tsx';
import { Scenarios } from './scenarios.tsx';
import { Show } from './show.tsx';

export const linuxOf = ({ query }: Route): LinuxVersion =>
  query.get('linux') === '6.1' ? '6.1' : '6.12';

const linuxNow = () => parseHash(location.hash).query.get('linux') ?? undefined;

const PLACES = [
  ['', 'Matrix'],
  ['scenarios', 'Scenarios'],
  ['book', 'Book'],
  ['report', 'Check report'],
  ['edit', 'Write your own'],
] as const;

const isStory = (name: string) => CATALOGUE.some(({ id }) => id === name);

/** The place whose name a path belongs to. */
const placeOf = ([first, ...more]: readonly string[]) =>
  !first
    ? ''
    : ['rules', 'systems', 'thread', 'tour', 'glossary', 'book'].includes(first)
      ? 'book'
      : first === 'show' || (first === 'edit' && isStory(more.join('/')))
        ? 'scenarios'
        : first;

function View({ route }: { route: Route }) {
  const [first, ...more] = route.path;
  const linux = linuxOf(route);
  switch (first) {
    case undefined:
      if (hasReport()) return <Report linux={linux} />;
      return <Matrix route={route} linux={linux} />;
    case 'show':
      return <Show key={more.join('/')} name={more.join('/')} route={route} linux={linux} />;
    case 'scenarios':
      return <Scenarios linux={linux} />;
    case 'edit':
      return <Edit route={route} linux={linux} />;
    case 'report':
      return <Report linux={linux} />;
    case 'book':
      return more.length ? (
        <TextPage path={route.path.join('/')} linux={linux} />
      ) : (
        <Contents linux={linux} />
      );
    case 'rules': {
      const rule = RULES.find((r) => r.id === more[0] || r.name === more[0]);
      return rule ? <RulePage rule={rule} linux={linux} /> : <Nowhere />;
    }
    case 'thread':
      return <TextPage path="thread" place={more[0]} linux={linux} />;
    case 'systems':
    case 'tour':
    case 'glossary':
      return <TextPage path={route.path.join('/')} linux={linux} />;
    default:
      return <Nowhere />;
  }
}

const Nowhere = () => (
  <main id="content" class="page">
    <h1>There is nothing at this address</h1>
    <p>
      <code>{location.hash}</code> names no view of this version of pfnmap.{' '}
      <a href="#/">The matrix</a> has everything.
    </p>
  </main>
);

export function App() {
  const route = useRoute();
  const [finding, setFinding] = useState(false);
  const [, redraw] = useState(0);
  const linux = linuxOf(route);
  const here = placeOf(route.path);
  const asked = route.query.get('linux');
  const first = useRef(true);
  const finder = useRef<HTMLDialogElement>(null);

  // Opened at once, so that what is typed next goes into it.
  const find = () => {
    finder.current?.showModal();
    setFinding(true);
  };
  // Before anything is shown: who sees the page may press a key, or drop a file.
  useLayoutEffect(() => applyTheme(chosenTheme()), []);
  useLayoutEffect(() => acceptDrops(() => go(href('report', { linux: linuxNow() }))), []);
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (typing(event)) return;
      if (event.key === '/' && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        find();
      }
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  // A new view begins at its top, for the eye and for a screen reader.
  const view = route.path.join('/');
  useLayoutEffect(() => {
    if (first.current) first.current = false;
    else {
      scrollTo(0, 0);
      document.getElementById('content')?.focus({ preventScroll: true });
    }
  }, [view]);

  const withLinux = (version: string) => {
    const query = Object.fromEntries(route.query);
    delete query.schedule;
    delete query.step;
    go(href(route.path.join('/'), { ...query, linux: version === '6.12' ? undefined : version }));
  };
  const keep = { linux: linux === '6.12' ? undefined : linux };

  return (
    <>
      <button
        type="button"
        class="skip"
        onClick={() => document.getElementById('content')?.focus()}
      >
        To the content
      </button>
      <header class="top">
        <a class="name" href={href('', keep)}>
          pfnmap
        </a>
        <nav aria-label="Main">
          {PLACES.map(([path, name]) => (
            <a key={path} href={href(path, keep)} aria-current={path === here ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <div class="tools">
          <button type="button" class="find" onClick={find} aria-keyshortcuts="/">
            Find <kbd>/</kbd>
          </button>
          <label class="linux">
            Linux{' '}
            <select value={linux} onChange={(e) => withLinux(e.currentTarget.value)}>
              <option>6.12</option>
              <option>6.1</option>
            </select>
          </label>
          <button
            type="button"
            class="theme"
            aria-label={isDark() ? 'Use light colours' : 'Use dark colours'}
            onClick={() => {
              applyTheme(isDark() ? 'light' : 'dark');
              redraw((n) => n + 1);
            }}
          >
            {isDark() ? '☀' : '☾'}
          </button>
        </div>
      </header>
      {asked && asked !== linux && (
        <p class="notice" role="alert">
          This link is about Linux {asked}, which this version of pfnmap does not model; what is
          shown is Linux {linux}.
        </p>
      )}
      <Boundary key={route.path[0] === 'edit' ? 'edit' : view}>
        <View route={route} />
      </Boundary>
      <Finder linux={linux} dialog={finder} open={finding} closed={() => setFinding(false)} />
      <footer class="foot">
        <span>
          The model behaves as Linux {linux} (Debian’s {linux === '6.1' ? '6.1.192' : '6.12.117'},
          x86-64). What it does not say is in <a href={href('book/limits', keep)}>its limits</a>.
        </span>
        <span>GPL-2.0-or-later. Everything runs in this page; nothing is sent anywhere.</span>
      </footer>
    </>
  );
}
