// SPDX-License-Identifier: GPL-2.0-or-later
/** The catalogue: the stories that can be run, by group. */
import { useEffect } from 'preact/hooks';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { expectedOn } from '../../src/scenarios/scenario.ts';
import { href } from '../client/route.ts';
import { VerdictMark } from '../parts/verdict.tsx';

export function Scenarios({ linux }: { linux: LinuxVersion }) {
  useEffect(() => {
    document.title = 'Scenarios - pfnmap';
  }, []);
  const keep = { linux: linux === '6.12' ? undefined : linux };
  const groups = [...new Set(CATALOGUE.map((s) => s.id.split('/')[0]))];
  return (
    <main id="content" class="page catalogue" tabIndex={-1}>
      <h1>Scenarios</h1>
      <p class="soft lead">
        What the mails tell and what real kernels have shown since, each as a story that can be run.
        The sign says what is known to come out; opening one explores it again, here.
      </p>
      {groups.map((group) => (
        <section key={group} aria-label={group}>
          <h2>{group}</h2>
          <ul>
            {CATALOGUE.filter((s) => s.id.startsWith(`${group}/`)).map((s) => (
              <li key={s.id}>
                <VerdictMark verdict={expectedOn(s, linux) ?? 'unknown'} />
                <span>
                  <a href={href(`show/${s.id}`, keep)}>{s.id}</a> {s.title}
                  <span class="soft">
                    {' '}
                    {s.rules.join(', ')}{' '}
                    {s.source && !s.rules.includes(s.source) && `(${s.source})`}
                  </span>
                </span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </main>
  );
}
