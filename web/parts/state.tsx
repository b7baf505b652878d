// SPDX-License-Identifier: GPL-2.0-or-later
/** The state at one point of an interleaving, with what the last line changed marked. */
import type { StateRow, StateTable } from '../../src/report/state.ts';

interface Props {
  readonly tables: readonly StateTable[];
  /** The state before; what differs from it is marked. */
  readonly before: readonly StateTable[] | null;
}

function rowOf(
  tables: readonly StateTable[] | null,
  id: string,
  row: string,
): StateRow | undefined {
  return tables?.find((t) => t.id === id)?.rows.find((r) => r.id === row);
}

export function StatePanels({ tables, before }: Props) {
  return (
    <div class="panels">
      {tables.map((table) => (
        <section key={table.id} class={`panel p-${table.id}`} aria-label={table.title}>
          <h3>{table.title}</h3>

          <table>
            <thead>
              <tr>
                {table.columns.map((c) => (
                  <th key={c} scope="col">
                    {c}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row) => {
                const was = rowOf(before, table.id, row.id);
                return (
                  <tr key={row.id}>
                    {row.cells.map((cell, i) => {
                      // Somebody's next step is always another one.
                      const told = before !== null && table.id !== 'threads';
                      const changed = told && was?.cells[i] !== cell;
                      const old = was?.cells[i];
                      return (
                        <td key={i} class={changed ? 'changed' : undefined}>
                          {changed && <span class="hidden">changed: </span>}
                          {cell}
                          {changed && old && <span class="was"> was {old}</span>}
                        </td>
                      );
                    })}
                  </tr>
                );
              })}
            </tbody>
          </table>
        </section>
      ))}
    </div>
  );
}
