// SPDX-License-Identifier: GPL-2.0-or-later
/** The book: how not to break the kernel. Pages of rules and systems, a tour, a glossary. */
import { useEffect, useState } from 'preact/hooks';
import { RULES, type Rule, SOURCES } from '../../src/contract/rules.ts';
import { SYSTEMS } from '../../src/contract/words.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { expectedOn } from '../../src/scenarios/scenario.ts';
import { type BookPage, book } from '../client/lazy.ts';
import { href } from '../client/route.ts';
import { Cited } from '../parts/cited.tsx';
import { Figure } from '../parts/figure.tsx';

const keep = (linux: LinuxVersion) => ({ linux: linux === '6.12' ? undefined : linux });

/** Stories that a text names become links; links keep the version that one reads about. */
function withLinks(html: string, linux: LinuxVersion): string {
  const linked = html.replace(/<code>([\w-]+\/[\w.-]+)<\/code>/g, (code, name) =>
    CATALOGUE.some(({ id }) => id === name) ? `<a href="#/show/${name}">${code}</a>` : code,
  );
  return linux === '6.12'
    ? linked
    : linked.replace(/href="(#\/[^"?]*)"/g, `href="$1?linux=${linux}"`);
}

function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} - pfnmap`;
  }, [title]);
}

export function Contents({ linux }: { linux: LinuxVersion }) {
  useTitle('Book');
  return (
    <main id="content" class="page prose" tabIndex={-1}>
      <h1>How not to break the kernel</h1>
      <p class="lead">
        In November 2022 Christian König asked a mailing list whether some book or tutorial teaches
        people to break the kernel: so many believe that a page reference keeps a page-table entry
        from changing. This is the other book. Every figure in it runs.
      </p>
      <p>
        <a class="begin" href={href('tour', keep(linux))}>
          Begin with the ten-minute tour
        </a>
      </p>
      <div class="columns">
        <section>
          <h2>The sixteen rules</h2>
          <dl>
            {RULES.map((r) => (
              <div key={r.id}>
                <dt>
                  <a href={href(`rules/${r.id}`, keep(linux))}>
                    {r.id} {r.name}
                  </a>
                </dt>
                <dd>{r.statement}</dd>
              </div>
            ))}
          </dl>
        </section>
        <section>
          <h2>The fourteen systems</h2>
          <dl>
            {SYSTEMS.map((s) => (
              <div key={s.id}>
                <dt>
                  <a href={href(`systems/${s.id}`, keep(linux))}>
                    {s.id} {s.name}
                  </a>
                </dt>
                <dd>{s.what}</dd>
              </div>
            ))}
          </dl>
          <h2>And</h2>
          <p>
            <a href={href('glossary', keep(linux))}>The glossary</a>,{' '}
            <a href={href('thread', keep(linux))}>the mails, one by one</a>,{' '}
            <a href={href('book/answers', keep(linux))}>what the thread leaves open</a>, counted,
            and <a href={href('book/limits', keep(linux))}>what the model does not say</a>.
          </p>
        </section>
      </div>
    </main>
  );
}

function neighbours(path: string, ids: readonly string[], id: string, linux: LinuxVersion) {
  const at = ids.indexOf(id);
  const link = (to: string | undefined, text: string) =>
    to ? <a href={href(`${path}/${to}`, keep(linux))}>{text.replace('*', to)}</a> : <span />;
  return (
    <nav class="turn" aria-label="Neighbouring pages">
      {link(ids[at - 1], '← *')}
      <a href={href('book', keep(linux))}>Contents</a>
      {link(ids[at + 1], '* →')}
    </nav>
  );
}

export function RulePage({ rule, linux }: { rule: Rule; linux: LinuxVersion }) {
  useTitle(`${rule.id} ${rule.name}`);
  const about = CATALOGUE.filter((s) => s.rules.includes(rule.id));
  const broken = about.filter((s) => expectedOn(s, linux) === 'violated').slice(0, 2);
  const kept = about.filter((s) => expectedOn(s, linux) === 'safe').slice(0, 1);
  const figures = [...broken, ...kept];
  const rest = about.filter((s) => !figures.includes(s));
  return (
    <main id="content" class="page prose" tabIndex={-1}>
      <p class="kind">Rule {rule.id}</p>
      <h1>{rule.name}</h1>
      <p class="statement">{rule.statement}</p>
      <h2>What goes wrong</h2>
      <p>{rule.wrong}</p>
      <h2>Why</h2>
      <p>{rule.why}</p>
      {figures.length > 0 && <h2>See it</h2>}
      {figures.map((s) => (
        <Figure key={s.id} name={s.id} linux={linux} />
      ))}
      {rest.length > 0 && (
        <p>
          Also:{' '}
          {rest.map((s, i) => (
            <span key={s.id}>
              {i ? ', ' : ''}
              <a href={href(`show/${s.id}`, keep(linux))}>{s.id}</a>
            </span>
          ))}
          .
        </p>
      )}
      <h2>What to do</h2>
      <p>{rule.fix}</p>
      {rule.mails.length > 0 && <h2>Who said so</h2>}
      {rule.mails.map((m) => (
        <blockquote key={m.ref + m.quote}>
          <p>{m.quote}</p>
          <footer>
            {m.from}, {m.date.slice(0, 10)}{' '}
            <cite>
              <Cited text={m.ref} linux={linux} />
            </cite>
          </footer>
        </blockquote>
      ))}
      <h2>In the kernel</h2>
      {rule.mails.length === 0 && (
        <p class="soft">
          The thread does not say this. It was established afterwards, on stock kernels and in their
          source.
        </p>
      )}
      <table class="cites">
        <thead>
          <tr>
            <th scope="col">version</th>
            <th scope="col">place</th>
            <th scope="col">what is there</th>
          </tr>
        </thead>
        <tbody>
          {rule.kernel.map((k) => (
            <tr key={`${k.version}${k.file}${k.line}`}>
              <td>{SOURCES[k.version].version}</td>
              <td>
                <code>
                  {k.file}:{k.line}
                </code>
              </td>
              <td>{k.what}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {neighbours(
        'rules',
        RULES.map((r) => r.id),
        rule.id,
        linux,
      )}
    </main>
  );
}

/** A page that is written in Markdown: a system, the tour, the glossary, the mails, the limits. */
export function TextPage({
  path,
  place,
  linux,
}: {
  path: string;
  /** The id of the heading that is meant. */
  place?: string;
  linux: LinuxVersion;
}) {
  const [page, setPage] = useState<BookPage | null>(null);
  const [error, setError] = useState('');
  useEffect(() => {
    setPage(null);
    book().then(
      (pages) => {
        if (Object.hasOwn(pages, path)) setPage(pages[path]);
        else setError('There is no such page in the book.');
      },
      (e: Error) => setError(e.message),
    );
  }, [path]);
  useEffect(() => {
    if (!page || !place) return;
    const heading = document.getElementById(place);
    heading?.scrollIntoView();
    heading?.focus({ preventScroll: true });
  }, [page, place]);
  useTitle(page?.title ?? 'Book');
  const [first, id] = path.split('/');
  const system = first === 'systems' ? SYSTEMS.find((s) => s.id === id) : undefined;
  return (
    <main id="content" class="page prose" tabIndex={-1}>
      {system && <p class="kind">System {system.id}</p>}
      <h1>{page?.title || system?.name || ' '}</h1>
      {system && <p class="statement">{system.what}</p>}
      {error && <p role="alert">{error}</p>}
      {page?.parts.map((part, i) =>
        'figure' in part ? (
          <Figure key={part.figure} name={part.figure} linux={linux} />
        ) : (
          <div
            key={`${path}${i}`}
            dangerouslySetInnerHTML={{ __html: withLinks(part.html, linux) }}
          />
        ),
      )}
      {system
        ? neighbours(
            'systems',
            SYSTEMS.map((s) => s.id),
            system.id,
            linux,
          )
        : neighbours('', [], '', linux)}
    </main>
  );
}
