// SPDX-License-Identifier: GPL-2.0-or-later
/** Arguments and options of all commands, and how errors end the program. */
import { availableParallelism } from 'node:os';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { version } from '../../package.json';
import { MEANING, VERDICTS } from '../contract/words.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { paragraph } from '../report/text.ts';
import { EXIT, type ExitCode, Failure, interruption, note, quietPipes } from './io.ts';

/** What a command gets besides its arguments. */
export interface Context {
  /** URL of what worker threads start with; everything else lies beside it. */
  readonly self: string;
  readonly signal: AbortSignal;
}

export interface CommonOptions {
  readonly linux: LinuxVersion;
  readonly json?: boolean;
  readonly maxStates: number;
}

const DESCRIPTION =
  'The Linux dma-buf mmap contract, executable: a model of the kernel, every interleaving explored.';

/** Columns of help texts, on whatever terminal. */
const HELP_WIDTH = 80;

const EXITS = `
Exit codes: 0 as hoped, 1 not so, 2 bad usage or input,
3 only unknowns or missing means stand in the way, 130 interrupted.`;

const linux = () =>
  new Option('--linux <version>', 'the kernel to behave as')
    .choices(['6.12', '6.1'])
    .default('6.12');
const json = () => new Option('--json', 'print JSON');
const maxStates = () =>
  new Option('--max-states <n>', 'give up beyond this many states')
    .default(4_000_000, '4 million')
    .argParser((text) => {
      const n = Number(text.replace(/[_,]/g, ''));
      if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('It is a whole number.');
      return n;
    });

/** Reads an option that is a number from 0 to `most`. */
const wholeNumber = (most: number) => (text: string) => {
  const n = Number(text);
  if (/^\d+$/.test(text) && n <= most) return n;
  throw new InvalidArgumentError(`It is a whole number from 0 to ${most}.`);
};

/** What the five verdicts mean, for the help of `matrix`. */
const meanings = () => {
  const lines = VERDICTS.flatMap((verdict) =>
    paragraph(MEANING[verdict], 66).map((line, i) => `  ${(i ? '' : verdict).padEnd(10)}${line}`),
  );
  return `\nVerdicts, worst first:\n${lines.join('\n')}`;
};

const example = (...lines: string[]) =>
  `\nExample${lines.length > 1 ? 's' : ''}:\n${lines.map((l) => `  $ pfnmap ${l}`).join('\n')}`;

function define(context: Context): Command {
  let code: ExitCode = EXIT.ok;
  const done = (c: ExitCode) => {
    code = c;
    process.exitCode = code;
  };
  const program = new Command('pfnmap')
    .description(DESCRIPTION)
    .version(version)
    .showSuggestionAfterError(true)
    .configureHelp({ helpWidth: HELP_WIDTH })
    .addHelpText('after', EXITS);

  program
    .command('matrix')
    .description('every exporter against every consumer: safe, refused, breaks or corrupts')
    .option('--exporter <id>', 'only this exporter')
    .option('--consumer <id>', 'only this consumer')
    .addOption(linux())
    .addOption(maxStates())
    .addOption(json())
    .addHelpText('after', meanings)
    .addHelpText('after', example('matrix', 'matrix --exporter ttm --linux 6.1'))
    .action(async (options) => done(await (await import('./matrix.ts')).matrix(options, context)));

  program
    .command('list')
    .description('list exporters, consumers and scenarios')
    .addOption(linux())
    .addOption(json())
    .addHelpText('after', example('list'))
    .action(async (options) => done(await (await import('./list.ts')).list(options)));

  program
    .command('explore')
    .description('explore scenarios in every interleaving: the catalogue, some of it, or your own')
    .argument('[names...]', 'scenario, group, EXPORTER/CONSUMER, or a file of your own (.ts)')
    .addOption(linux())
    .addOption(maxStates())
    .addOption(json())
    .addHelpText('after', example('explore', 'explore kvm', 'explore my-driver.ts'))
    .action(async (names, options) =>
      done(await (await import('./explore.ts')).exploreCommand(names, options, context)),
    );

  program
    .command('show')
    .description('the story, the rules, the code, the verdict and the clearest counterexample')
    .argument('<name>', 'scenario or EXPORTER/CONSUMER')
    .addOption(linux())
    .addOption(maxStates())
    .addOption(json())
    .addHelpText('after', example('show ttm/follow-and-keep', 'show kvm/notifier-retry'))
    .action(async (name, options) =>
      done(await (await import('./show.ts')).show(name, options, context)),
    );

  program
    .command('explain')
    .description('a rule of the contract: what it says, why, what to do, and who said so')
    .argument('[rule]', 'R6, or its name: no-page-ref')
    .addOption(json())
    .addHelpText('after', example('explain', 'explain R6', 'explain no-page-ref'))
    .action(async (rule, options) =>
      done(await (await import('./explain.ts')).explain(rule, options)),
    );

  program
    .command('replay')
    .description('show an interleaving again from its schedule')
    .argument('<schedule...>', 'as printed below a counterexample')
    .addOption(json())
    .addHelpText('after', example('replay ttm/follow-and-keep@6.12,move,no-user:C40.Vy2...'))
    .action(async (words, options) =>
      done(await (await import('./replay.ts')).replayCommand(words, options, context)),
    );

  program
    .command('init')
    .description('write a commented file to describe your own driver in')
    .argument('[file]', 'the file to write', 'my-driver.ts')
    .addHelpText('after', example('init', 'init my-driver.ts && pfnmap explore my-driver.ts'))
    .action(async (file) => done(await (await import('./init.ts')).init(file)));

  program
    .command('conform')
    .description('hold the model against real kernels, booted now or recorded')
    .option('--corpus <file>', 'recorded programs (.jsonl)')
    .option('--facts <file>', 'a table of facts (.tsv)')
    .option('--boot <kernel>', '6.12, 6.1, both, or VMLINUZ[:HEADERS]; both without a recording')
    .addOption(
      new Option('--fuzz <n>', 'this many random programs').argParser(wholeNumber(100_000_000)),
    )
    .option('--race <n>', 'this many random races, or one written out; see docs/cli.md')
    .addOption(
      new Option('--seed <s>', 'what random programs and races are made from').argParser(
        wholeNumber(2 ** 31),
      ),
    )
    .option('--record <file>', 'write programs and what the kernels answered (.jsonl)')
    .addOption(
      new Option('--jobs <n>', 'machines at a time')
        .default(availableParallelism())
        .argParser(wholeNumber(64)),
    )
    .addOption(linux())
    .addOption(json())
    .addHelpText(
      'after',
      example(
        'conform',
        'conform --corpus programs.jsonl --linux 6.1',
        'conform --boot 6.12 --fuzz 20000 --seed 7',
        'conform --boot 6.12 --race 40',
      ),
    )
    .action(async (options) =>
      done(await (await import('./conform.ts')).conform(options, context)),
    );

  program
    .command('reproduce')
    .description('a failure on a real kernel, step by step, beside what the model predicts')
    .argument(
      '[names...]',
      'a failure, a scenario, EXPORTER/CONSUMER, or a schedule; all failures if none is named',
    )
    .option('--boot <kernel>', '6.12, 6.1, both, or VMLINUZ[:HEADERS]', 'both')
    .option('--patch', 'what the posted patch would have warned about, seen by return probes')
    .addOption(json())
    .addHelpText(
      'after',
      example(
        'reproduce stale-pfn',
        'reproduce ttm/follow-and-keep --boot 6.12',
        'reproduce --patch --boot 6.1',
      ),
    )
    .action(async (names, options) =>
      done(await (await import('./reproduce.ts')).reproduce(names, options, context)),
    );

  const kernel = program
    .command('kernel')
    .description('stock kernels to boot, with headers and build tools, in the cache');
  kernel
    .command('get')
    .description('bring the newest stock kernels of these series; both if none is named')
    .argument('[series...]', '6.12, 6.1')
    .addOption(json())
    .addHelpText('after', example('kernel get', 'kernel get 6.12'))
    .action(async (series, options) =>
      done(await (await import('./kernel.ts')).kernelGet(series, options, context)),
    );
  kernel
    .command('list')
    .description('kernels in the cache')
    .addOption(json())
    .addHelpText('after', example('kernel list'))
    .action(async (options) => done((await import('./kernel.ts')).kernelList(options)));

  program
    .command('ui')
    .description('the page: matrix, scenarios step by step, your own code, the book')
    .option(
      '--port <n>',
      'serve on this port of 127.0.0.1; default: a free one',
      wholeNumber(65_535),
      0,
    )
    .option('--no-open', 'start no browser')
    .addHelpText('after', example('ui', 'ui --no-open --port 8080'))
    .action(async (options) => done(await (await import('./ui.ts')).ui(options, context)));

  program
    .command('check')
    .description('find who breaks the contract, in kernel C source')
    .argument('[paths...]', 'kernel trees, parts of one, or out-of-tree modules; default: here')
    .addOption(
      new Option('--linux <version>', 'the version to assume for source without a kernel').default(
        '6.12',
      ),
    )
    .option('--audit', 'every exporter, follower and insertion primitive, good or bad')
    .option('--markdown', 'the audit as Markdown')
    .option('--terse', 'one line a finding')
    .option('--types <list>', 'only these types or rules')
    .option('--ignore <list>', 'not these types or rules')
    .option('--verbose', 'list what was not analysed')
    .option('--github', 'print GitHub annotations')
    .option('--html', 'print a page that shows the report')
    .option('--sarif', 'print SARIF 2.1.0')
    .option(
      '--explain <finding>',
      'a finding by PATH:LINE or function: its chain, traits and the model',
    )
    .option('--patch <file>', 'an mbox, a series or a diff (- for stdin): only what it brings in')
    .option('--tree <dir>', 'the tree that a patch is for; default: here')
    .option('--baseline <file>', 'accept the findings in this file')
    .option('--update-baseline', 'write the findings of this run to it')
    .option('--no-cache', 'look at every file again')
    .option('--record', 'print what the functions of a kernel tree do, for src/check/recorded/')
    .addOption(json())
    .addHelpText(
      'after',
      example('check ~/linux', 'check drivers/gpu/drm/vgem', 'check --audit ~/linux'),
    )
    .action(async (paths, options) =>
      done(await (await import('./check.ts')).checkCommand(paths, options, context)),
    );

  for (const command of [program, ...program.commands, ...kernel.commands]) {
    command.exitOverride();
    command.configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'pfnmap: ')),
    });
  }
  return program;
}

/** @param self URL of what worker threads start with, beside which everything else lies */
export async function main(self: string): Promise<void> {
  quietPipes();
  const context: Context = { self, signal: interruption() };
  try {
    await define(context).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    } else if (error instanceof Failure) {
      note(`pfnmap: ${error.message}`);
      process.exitCode = error.code;
    } else {
      // Ours, not the user's: say all there is to say.
      note(`pfnmap: internal error: ${error instanceof Error ? error.stack : String(error)}`);
      process.exitCode = EXIT.notSo;
    }
  }
  // Node itself would wait for what V8 still compiles and take the heap apart: 10 ms for nobody.
  process.stderr.write('', () => process.stdout.write('', () => process.exit()));
}
