// SPDX-License-Identifier: GPL-2.0-or-later
/** Nanoseconds of processor time per line of C, where each line is whole and where each leaves something open. */
import { namesOf } from '../src/check/index/names.ts';

const WHOLE = 'static int f(struct vm_area_struct *vma) { return g(vma->vm_flags, "x\\n"); }\n';
const OPEN = ['{\n', '(\n', '/*\n', '"\n', '#if A\n', '#else\n', "'\n", '= {\n'];

function perLine(line: string, lines: number): number {
  const text = line.repeat(lines);
  const before = process.cpuUsage();
  namesOf(text, []);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / lines;
}

const worst = (lines: number) => Math.max(...OPEN.map((line) => perLine(line, lines)));
perLine(WHOLE, 10_000);
worst(10_000);
console.log(
  JSON.stringify(
    [100_000, 1_000_000].map((lines) => ({
      lines,
      whole: perLine(WHOLE, lines),
      open: worst(lines),
    })),
  ),
);
