// SPDX-License-Identifier: GPL-2.0-or-later
// `npm test`: install, build, check (biome and tsc), then all tests. The last
// line is `N passed, N failed`, with `, N skipped` if any were; whatever makes
// the exit code non-zero counts as a failure in it. Arguments after `--` are
// passed on to vitest.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchLinux } from './linux-source.mjs';
import { checkNode, ensureDependencies, exitWith, npm, root, run } from './setup.mjs';
import { need, toolNames } from './tools.mjs';

/**
 * Vitest's JSON report, as far as it is read here.
 *
 * @typedef {{
 *   numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   testResults: { status: string, assertionResults: { status: string }[] }[],
 * }} Report
 */

/** @param {string[]} args */
async function vitest(args) {
  const temporary = mkdtempSync(join(tmpdir(), 'pfnmap-test-'));
  try {
    const file = join(temporary, 'report.json');
    const { code } = await run(process.execPath, [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...args,
    ]);
    /** @type {Report | undefined} */
    let report;
    try {
      report = JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      console.error('pfnmap: vitest wrote no report');
    }
    return { code, report };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** One after the other, because apt runs only once at a time and test files run together. */
function getTools() {
  for (const name of toolNames) {
    try {
      need(name);
    } catch {
      // The test that needs it says what is missing.
    }
  }
  for (const version of ['6.1', '6.12']) {
    try {
      fetchLinux(version);
    } catch {
      // The same.
    }
  }
}

await exitWith(async () => {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  let code = 1;
  /** @param {string} why */
  const fail = (why) => {
    failed++;
    console.error(`pfnmap: ${why}`);
  };
  try {
    checkNode(20, 19);
    await ensureDependencies();
    const { build } = await import('./build.mjs');
    if (!(await build())) fail('the build failed');
    const check = await npm('run', ['check']);
    getTools();
    const tests = await vitest(process.argv.slice(2));

    const { report } = tests;
    if (report) {
      passed = report.numPassedTests;
      failed += report.numFailedTests;
      skipped = report.numPendingTests + report.numTodoTests;
      for (const suite of report.testResults) {
        const hasFailedTest = suite.assertionResults.some(({ status }) => status === 'failed');
        if (suite.status === 'failed' && !hasFailedTest) fail('a test file failed as a whole');
      }
    }
    if (passed + failed === 0) fail('no tests ran');
    if (tests.code !== 0 && failed === 0) fail(`vitest ended with exit code ${tests.code}`);
    if (check.code !== 0) fail('npm run check failed; its messages are above the tests');
    if (failed === 0) code = 0;
  } catch (error) {
    failed++;
    throw error;
  } finally {
    // After what other processes and the error handler print on stderr.
    const summary = `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
    process.on('exit', () => console.log(summary));
  }
  return code;
});
